/** G3 with `single_flight = "cluster"` among real processes, one of which may be killed while it loads. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { LEASE_MS } from '../../../lib/clients/load-lease.js';
import type { CacheClient } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { until } from '../../support/until.js';
import { twoLevelAt, useRig } from '../outage/rig.js';

const SCRIPT = fileURLToPath(new URL('./cluster-flight-script.mjs', import.meta.url));
const PROCESSES = 8;
const ROUNDS = 40;

/** What a busy machine adds. */
const SLACK_MS = 1000;

const rig = useRig();
let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(() => server.flush());

function start(role: string, id: number, rounds = 0): RunningScript {
  const args = [role, server.url, rig.folder, String(id), String(rounds)];
  const script = startScript(SCRIPT, { args, deadlineMs: 100_000 });
  rig.afterwards(() => {
    script.kill();
  });
  return script;
}

describe('G3: processes that share a Redis', () => {
  test(`load a cold key once for 200 callers in each of ${PROCESSES} of them, ${ROUNDS} times`, async () => {
    const scripts = Array.from({ length: PROCESSES }, (_, id) => start('crowd', id, ROUNDS));
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(scripts.map((script) => script.printed(`ready ${round}.`, 30_000)));
      writeFileSync(join(rig.folder, `go-${round}`), '');
      await Promise.all(scripts.map((script) => script.printed(`done ${round}: 0 wrong.`, 30_000)));
    }
    for (const { code, stderr } of await Promise.all(scripts.map((script) => script.done)))
      expect([code, stderr]).toEqual([0, '']);
    const loaded = readFileSync(join(rig.folder, 'loads'), 'utf8').trimEnd().split('\n');
    expect(loaded.map((line) => line.split(' ')[0])).toEqual(Array.from({ length: ROUNDS }, (_, round) => `k${round}`));
    await until(async () => ((await server.call('KEYS', '*:lock:*')) as string[]).length === 0);
  });

  test('wait for one that was killed no longer than its lease', async () => {
    const settings = { single_flight: 'cluster', load_timeout: '60s' };
    const client: CacheClient = (await rig.open({ two: twoLevelAt(server, settings) })).client('two');
    const holder = start('holder', 0);
    await holder.printed('loading\nloading');
    const calls: (readonly string[])[] = [];
    const waiting = client.getOrLoad('k', () => 'v');
    const many = client.getOrLoadMany(['a', 'b', 'c'], (keys) => {
      calls.push(keys);
      return keys.map(() => 'v');
    });
    holder.kill();
    await holder.done;
    const killedMs = performance.now();
    expect(await waiting).toBe('v');
    expect(performance.now() - killedMs).toBeLessThan(LEASE_MS + SLACK_MS);
    expect(await many).toEqual(new Map(['a', 'b', 'c'].map((key) => [key, 'v'])));
    expect(calls.flat().sort()).toEqual(['a', 'b', 'c']);
    expect(performance.now() - killedMs).toBeLessThan(LEASE_MS + SLACK_MS);
  });
});
