/** Nothing grows without a bound (G14): L1, the queue of writes, and the tables of what is in flight, which are empty at the end. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CoarseClock } from '../../../lib/base/coarse-clock.js';
import { systemClock } from '../../../lib/base/clock.js';
import { systemRandom } from '../../../lib/base/random.js';
import { TieredClient } from '../../../lib/clients/tiered-client.js';
import type { ServiceCore } from '../../../lib/clients/service-core.js';
import { loadConfig } from '../../../lib/config/load-config.js';
import { assembleService } from '../../../lib/manager/assemble-service.js';
import { openInfrastructure } from '../../../lib/manager/redis-infrastructure.js';
import { EventHub } from '../../../lib/observe/event-hub.js';
import { createLogger } from '../../../lib/observe/logger.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { twoLevelAt, useRig } from '../outage/rig.js';
import { Gate } from './gate.js';

const rig = useRig();
let server: RedisServer;

beforeEach(async () => {
  server = await rig.startRedis();
});

/** A service with its inside in view. */
async function openCore(more: Readonly<Record<string, unknown>> = {}): Promise<{ core: ServiceCore; client: TieredClient }> {
  const source = { global: { wal: { dir: rig.folder } }, services: { s: twoLevelAt(server, more) } };
  const config = await loadConfig(source, { env: {} });
  const logger = createLogger('silent');
  const { keyPrefix } = config.global;
  const infrastructure = openInfrastructure({ clock: systemClock, random: systemRandom, logger, keyPrefix, intervalMs: 30_000 });
  const shared = {
    global: config.global,
    clock: systemClock,
    coarseClock: new CoarseClock(systemClock),
    random: systemRandom,
    logger,
    events: new EventHub(),
    infrastructure,
  };
  const core = await assembleService(config.services[0]!, shared, undefined);
  await infrastructure.pool.connect();
  rig.afterwards(async () => {
    await core.parts.redis?.outbox.close();
    infrastructure.pool.close();
    await infrastructure.keeper.close();
  });
  return { core, client: new TieredClient(core, 'two-level', async () => undefined) };
}

async function expectEmptyTables({ parts, compressing }: ServiceCore): Promise<void> {
  await until(() => parts.background.size === 0);
  expect({
    flights: parts.flights.size,
    fence: parts.fence.size,
    compressing: compressing.size,
    writes: parts.redis?.outbox.pendingWrites,
  }).toEqual({
    flights: 0,
    fence: 0,
    compressing: 0,
    writes: 0,
  });
}

describe('G14: nothing is left in the tables', () => {
  test('after every kind of work at once, on few keys', async () => {
    const { core, client } = await openCore({
      l2: { connection_string: `redis://127.0.0.1:${server.port}`, compression: 'gzip' },
    });
    const large = 'large'.repeat(20_000);
    const work = Array.from({ length: 600 }, (_, i) => {
      const key = `k${i % 7}`;
      switch (i % 10) {
        case 0:
          return client.set(key, i);
        case 1:
          return client.delete(key);
        case 2:
          return client.getOrLoad(key, async () => i);
        case 3:
          return client.getOrLoadMany([key, `k${(i + 1) % 7}`], (keys) => keys.map(() => i));
        case 4:
          return client.refresh(key, () => (i % 4 === 0 ? undefined : i));
        case 5:
          return client.set(key, large);
        case 6:
          return client.getOrLoad(key, () => Promise.reject(new Error('source'))).catch(() => undefined);
        case 7:
          return client.getMany([key, 'cold']);
        case 8:
          return client.expire(key, 100).catch(() => undefined);
        default:
          return i % 50 === 9 ? client.clear() : client.lookup(key);
      }
    });
    await Promise.all(work);
    await expectEmptyTables(core);
  });

  test('after loads that were given up, each of another key', async () => {
    const { core, client } = await openCore();
    const gate = new Gate();
    const calls = Array.from({ length: 200 }, (_, i) => client.getOrLoad(`k${i}`, () => gate.pass(i), { timeout: '50ms' }));
    const many = client.getOrLoadMany(
      Array.from({ length: 50 }, (_, i) => `m${i}`),
      (keys) => gate.pass(keys.map(() => 1)),
      { timeout: '50ms' },
    );
    for (const end of await Promise.allSettled([...calls, many]))
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'CACHE_LOAD_TIMEOUT' } });
    gate.open();
    await expectEmptyTables(core);
  });

  test('after callers who had given up before they came', async () => {
    const { core, client } = await openCore();
    const signal = AbortSignal.abort(new Error('never mind'));
    let loads = 0;
    for (let i = 0; i < 20; i++) {
      await expect(client.getOrLoad(`k${i}`, () => ++loads, { signal })).rejects.toThrow('never mind');
      await expect(client.refresh(`r${i}`, () => ++loads, { signal })).rejects.toThrow('never mind');
      await expect(client.getOrLoadMany([`m${i}`], () => [++loads], { signal })).rejects.toThrow('never mind');
    }
    await expectEmptyTables(core);
    expect(loads).toBe(0);
  });

  test('after Redis was lost in the middle of all this', async () => {
    const { core, client } = await openCore();
    const work = Array.from({ length: 200 }, (_, i) => [
      client.set(`k${i}`, i),
      client.get(`c${i}`),
      client.getOrLoad(`l${i}`, () => i),
      client.delete(`k${i}`),
    ]).flat();
    const ends = Promise.allSettled(work);
    await server.kill();
    await ends;
    await expectEmptyTables(core);
    // One entry for each key whose last write Redis has not confirmed, however many there were.
    expect(core.parts.redis?.outbox.loggedKeys).toBeLessThanOrEqual(400);
    await server.restart();
    await until(() => core.parts.redis?.outbox.loggedKeys === 0);
  });
});

describe('G14: L1', () => {
  test('never holds more than max_capacity, whatever happens at the same time', async () => {
    const manager = await rig.open({ s: twoLevelAt(server, { l1: { max_capacity: 25 } }) });
    const client = manager.client('s');
    let most = 0;
    const look = (): void => {
      most = Math.max(most, client.metrics().l1Entries);
    };
    for (const event of ['write', 'promote', 'evict', 'load'] as const) client.on(event, look);
    await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        await client.set(`s${i}`, i);
        await client.getOrLoad(`l${i}`, () => i);
        await client.getMany([`s${i}`, `l${i}`, `s${(i * 7) % 400}`]);
        look();
      }),
    );
    expect(most).toBe(25);
  });

  test('never holds more than max_bytes', async () => {
    const manager = await rig.open({ s: twoLevelAt(server, { l1: { max_bytes: 50_000 } }) });
    const client = manager.client('s');
    let most = 0;
    client.on('write', () => {
      most = Math.max(most, client.metrics().l1Bytes);
    });
    await Promise.all(Array.from({ length: 200 }, (_, i) => client.set(`k${i}`, 'x'.repeat((i * 97) % 5000))));
    expect(most).toBeGreaterThan(25_000);
    expect(most).toBeLessThanOrEqual(50_000);
    expect(await client.set('larger than all', 'x'.repeat(60_000))).toEqual({ l1: false, l2: 'written' });
    expect(await client.get('larger than all')).toHaveLength(60_000);
  });
});
