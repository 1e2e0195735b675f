/** G16: a machine that sleeps: nothing is served that ended meanwhile, and what is stored afterwards lives as long as it should. */
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { RedisServer } from '../../support/redis-server.js';
import { startScript } from '../../support/spawn-script.js';
import { SteppedClock } from '../../support/stepped-clock.js';
import { useRig } from '../outage/rig.js';

const SCRIPT = fileURLToPath(new URL('./sleep-script.mjs', import.meta.url));
const SLEEP_MS = 6000;
const rig = useRig();

test.each([
  ['sleeps, while Redis goes on', SLEEP_MS],
  ['has its wall clock set forward, and Redis has not', 0],
])('a machine that %s: the first read is no late one', async (_, redisMs) => {
  const clock = new SteppedClock();
  rig.afterwards(() => {
    clock.remove();
  });
  const server = await RedisServer.start({ clock });
  rig.afterwards(() => server.stop());
  const script = startScript(SCRIPT, { args: [server.url, rig.folder, String(SLEEP_MS)] });
  rig.afterwards(() => {
    script.kill();
  });
  await script.printed('before: {"l1":"old","l2":"old","two":"old"}');
  clock.step(redisMs);
  script.kill('SIGUSR2');
  const { stdout, stderr, code } = await script.done;
  expect([code, stderr]).toEqual([0, '']);
  const told = JSON.parse(stdout.trim().split('\n').at(-1) as string) as { read: Record<string, string | null> };
  // Redis, whose clock was not moved, still has its entry: a read that comes after the clocks were compared finds that.
  if (redisMs === 0) for (const tier of ['l2', 'two']) expect([null, 'old']).toContain(told.read[tier]);
  expect({ ...told, read: redisMs === 0 ? { l1: told.read.l1 } : told.read }).toEqual({
    peeked: null,
    read: redisMs === 0 ? { l1: null } : { l1: null, l2: null, two: null },
    again: { l1: 'new', l2: 'new', two: 'new' },
  });
  // By the server's clock, whichever of the two was moved.
  for (const service of ['l2', 'two']) {
    const leftMs = Number(await server.call('PTTL', `oxcache:${service}:k`));
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(3050);
  }
});
