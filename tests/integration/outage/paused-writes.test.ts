/**
 * A server that holds writes back (`CLIENT PAUSE … WRITE`), as providers do before a failover: reads are served, and writes go to
 * the log without waiting, until one is taken again.
 */
import { describe, expect, test } from '@jest/globals';
import { until } from '../../support/until.js';
import { collectEvents } from '../../support/collect-events.js';
import { COMMAND_TIMEOUT_MS, l2OnlyAt, passTime, twoLevelAt, useRig } from './rig.js';

const rig = useRig();

/** Longer than any of these tests; each ends it by itself. */
const PAUSE_MS = '60000';

/** A read that waits for nothing, on a busy machine. */
const QUICK_MS = COMMAND_TIMEOUT_MS / 2;

const KEYS = Array.from({ length: 50 }, (_, i) => `k${i}`);

describe.each([
  ['l2', 'stream'],
  ['l2', 'pubsub'],
  ['two-level', 'stream'],
  ['two-level', 'pubsub'],
] as const)('G6: while the writes of a server are paused, a service of type %s over %s', (kind, transport) => {
  async function open() {
    const server = await rig.startRedis();
    const settings = { sync: { transport } };
    const service = kind === 'l2' ? l2OnlyAt(server, settings) : twoLevelAt(server, settings);
    const lines: string[] = [];
    const take = (message: string): void => {
      lines.push(message);
    };
    const logger = { error: take, warn: take, info: take, debug: () => undefined };
    const manager = await rig.open({ s: service }, { logger, global: { log_level: 'info' } });
    const client = manager.client('s');
    await client.setMany(KEYS.map((key) => [key, 'v'] as const));
    return { server, client, lines, events: collectEvents(client, 'degrade', 'recover') };
  }

  test('serves every read from L2, quickly, and logs every write at once after the first', async () => {
    const { server, client, lines, events } = await open();
    await server.call('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
    const stop = new AbortController();
    let reads = 0;
    let slowestMs = 0;
    const missed: string[] = [];
    const reading = (async () => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const key = KEYS[i % KEYS.length] as string;
        const startedMs = performance.now();
        if ((await client.getL2Only(key)) !== 'v') missed.push(key);
        slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        reads++;
        if (i % 10 === 0) await passTime(1);
      }
    })();
    expect(await client.set('first', 'v')).toMatchObject({ l2: 'logged' });
    const startedMs = performance.now();
    for (let i = 0; i < 20; i++) expect(await client.set(`w${i}`, i)).toMatchObject({ l2: 'logged' });
    // What L1 had is known to have been there.
    expect(await client.delete('k49')).toBe(kind === 'two-level');
    await client.invalidateTags('t');
    expect(performance.now() - startedMs).toBeLessThan(COMMAND_TIMEOUT_MS);
    await until(() => client.health().l2?.traffic === 'reads', { timeoutMs: 10_000 });
    expect(client.health()).toMatchObject({ status: 'degraded', l2: { reason: expect.stringMatching(/takes no writes/) } });
    const lockMs = performance.now();
    await expect(client.lock('k', { ttl: '1s' })).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
    expect(performance.now() - lockMs).toBeLessThan(QUICK_MS);
    await passTime(4 * COMMAND_TIMEOUT_MS);
    expect(client.health().l2?.traffic).toBe('reads');
    stop.abort();
    await reading;
    // Deleted here meanwhile.
    expect(missed.filter((key) => key !== 'k49')).toEqual([]);
    expect(reads).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(COMMAND_TIMEOUT_MS);
    await server.call('CLIENT', 'UNPAUSE');
    await until(() => client.health().status === 'healthy' && client.metrics().loggedKeys === 0, { timeoutMs: 10_000 });
    expect(await server.call('EXISTS', 'oxcache:s:first', 'oxcache:s:w19')).toBe(2);
    expect(await client.get('w19')).toBe(19);
    expect(await client.getL2Only('k49')).toBeUndefined();
    expect(await client.set('after', 'v')).toMatchObject({ l2: 'written' });
    expect(events.map(({ event }) => event)).toEqual(['degrade', 'recover']);
    expect(lines.filter((line) => line.includes('takes'))).toEqual([
      expect.stringMatching(/takes no writes: .*CLIENT PAUSE.*Reads go on/),
      expect.stringMatching(/takes writes again after \d+\.\d s/),
    ]);
  });
});

test('G6: a server that holds everything back is an outage', async () => {
  const server = await rig.startRedis();
  const client = (await rig.open({ s: l2OnlyAt(server) })).client('s');
  await client.set('k', 'v');
  // It ends by itself: not even the command that would end it is answered.
  await server.call('CLIENT', 'PAUSE', '3000', 'ALL');
  expect(await client.get('k')).toBeUndefined();
  await until(() => client.health().l2?.traffic === 'none', { timeoutMs: 10_000 });
  expect(await client.set('k2', 'v')).toMatchObject({ l2: 'logged' });
  await until(() => client.health().status === 'healthy', { timeoutMs: 10_000 });
});
