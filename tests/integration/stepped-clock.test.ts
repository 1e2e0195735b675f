/** The clock that other tests step under a server: it moves what Redis takes for the time, and nothing else of the machine. */
import { afterEach, expect, test } from '@jest/globals';
import { RedisServer } from '../support/redis-server.js';
import { SteppedClock } from '../support/stepped-clock.js';
import { until } from '../support/until.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('a step moves TIME, the ids of streams and the ends of entries, there and back, without a restart', async () => {
  const clock = new SteppedClock();
  cleanups.push(() => clock.remove());
  const server = await RedisServer.start({ clock });
  cleanups.push(() => server.stop());
  const aheadMs = async (): Promise<number> => {
    const [seconds, micros] = (await server.call('TIME')) as [string, string];
    return Number(seconds) * 1000 + Number(micros) / 1000 - Date.now();
  };
  expect(Math.abs(await aheadMs())).toBeLessThan(1000);
  await server.call('SET', 'k', 'v', 'PX', 600_000);
  clock.step(-120_000);
  expect(Math.abs((await aheadMs()) + 120_000)).toBeLessThan(1000);
  expect(await server.call('GET', 'k')).toBe('v');
  const inScript = (await server.call('EVAL', "return redis.call('TIME')[1]", 0)) as string;
  expect(Math.abs(Number(inScript) * 1000 + 120_000 - Date.now())).toBeLessThan(2000);
  clock.step(3_600_000);
  expect(Math.abs((await aheadMs()) - 3_600_000)).toBeLessThan(1000);
  await until(async () => (await server.call('GET', 'k')) === null, {
    describe: 'the end of an entry that is over by this clock',
  });
  const id = (await server.call('XADD', 's', '*', 'f', 'v')) as string;
  clock.step(0);
  const next = (await server.call('XADD', 's', '*', 'f', 'v')) as string;
  expect(next).toBe(`${Number.parseInt(id, 10)}-1`);
});
