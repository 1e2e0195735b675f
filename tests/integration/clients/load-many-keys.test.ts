/** Loads of very many keys with one call: the event loop turns in every phase, and each key behaves as a load for it alone. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { collectEvents } from '../../support/collect-events.js';
import { until } from '../../support/until.js';
import { KINDS, KINDS_WITH_L2, Workbench } from './workbench.js';

const bench = new Workbench();

/** More than Redis answers within one deadline, if it is asked for all at once. */
const MANY = 100_000;

/** Where each phase of a call is cut into several slices, also on a fast machine: a slice of 8 ms has less than half of them. */
const SLICED = 20_000;

/** Enough for a call to be still at work when its first flights are open, or the first of them kept. */
const SOME = 12_000;

const ROOM = { l1: { max_capacity: MANY } };

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`);
}

const hanging = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** How much a number grew at most in one turn of the event loop, from now on. */
function watchSteps(read: () => number): { readonly largest: number; stop(): void } {
  const steps = { largest: 0, stop: () => void (isDone = true) };
  let isDone = false;
  let before = read();
  const turn = (): void => {
    const now = read();
    steps.largest = Math.max(steps.largest, now - before);
    before = now;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  return steps;
}

// First in the file: until some loader of the process has asked for another load, few are followed through their `await`s.
test('a loader that waits for itself, behind very many keys, fails though nobody follows its `await`s', async () => {
  const client = await bench.client('l1', ROOM);
  // As many as are watched before a service is taken for one whose loaders do not nest.
  for (let i = 0; i < 1000; i++) await client.getOrLoad(`first${i}`, () => i);
  const load = client.getOrLoad('itself', () => client.getOrLoadMany([...keysOf(SOME), 'itself'], (keys) => keys), {
    timeout: '20s',
  });
  await expect(load).rejects.toMatchObject({ code: 'CACHE_LOAD_CYCLE' });
}, 60_000);

test(`${MANY} keys of a service of type l2 are loaded with one call`, async () => {
  const client = await bench.client<number>('l2');
  const keys = keysOf(MANY);
  const calls: number[] = [];
  const result = await client.getOrLoadMany(keys, (missing) => {
    calls.push(missing.length);
    return missing.map((key) => Number(key.slice(1)));
  });
  expect(calls).toEqual([MANY]);
  expect([...result.keys()].join()).toBe(keys.join());
  expect([...result.values()].every((value, i) => value === i)).toBe(true);
  expect(client.metrics()).toMatchObject({ l2Timeouts: 0, l2Errors: 0, loads: MANY, misses: MANY, loadsInFlight: 0 });
  const again = await client.getOrLoadMany(keys, () => {
    throw new Error('loaded twice');
  });
  expect(again.size).toBe(MANY);
  expect([...again].every(([key, value]) => value === result.get(key))).toBe(true);
}, 180_000);

describe.each(KINDS)('very many keys of a service of type %s', (kind) => {
  const open = (): Promise<CacheClient> => bench.client(kind, kind === 'l2' ? {} : ROOM);

  test('the event loop turns while flights are opened, and while what the loader brought is kept', async () => {
    const client = await open();
    const opened = watchSteps(() => client.metrics().loadsInFlight);
    const kept = watchSteps(() => client.metrics().loads);
    const landed = watchSteps(() => -client.metrics().loadsInFlight);
    await client.getOrLoadMany(keysOf(SLICED), (missing) => {
      opened.stop();
      return missing;
    });
    kept.stop();
    landed.stop();
    for (const { largest } of [opened, kept, landed]) {
      expect(largest).toBeGreaterThan(0);
      expect(largest).toBeLessThan(SLICED / 2);
    }
  }, 60_000);

  test('the event loop turns while the failure of the loader is handed out', async () => {
    const client = await open();
    const failure = new Error('the source is away');
    const failed = watchSteps(() => -client.metrics().loadsInFlight);
    const load = client.getOrLoadMany(keysOf(SLICED), () => {
      throw failure;
    });
    await expect(load).rejects.toBe(failure);
    failed.stop();
    expect(failed.largest).toBeGreaterThan(0);
    expect(failed.largest).toBeLessThan(SLICED / 2);
    expect(client.metrics()).toMatchObject({ loads: SLICED, loadErrors: SLICED, loadsInFlight: 0 });
  }, 60_000);

  test('G3: a load of one of the keys joins while others are still being opened, and takes nothing down if it gives up', async () => {
    const client = await open();
    const keys = keysOf(SOME);
    const calls: number[] = [];
    const many = client.getOrLoadMany(keys, (missing) => {
      calls.push(missing.length);
      return missing;
    });
    await until(() => client.metrics().loadsInFlight > 0);
    const controller = new AbortController();
    const given = client.getOrLoad('k0', hanging, { signal: controller.signal });
    const joined = client.getOrLoad('k0', hanging);
    controller.abort();
    await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    expect((await many).get('k0')).toBe('k0');
    expect(await joined).toBe('k0');
    expect(calls).toEqual([SOME]);
  }, 60_000);

  test('G4: a set stays that happens while what was loaded is kept', async () => {
    const client = await open();
    const last = `k${SOME - 1}`;
    const many = client.getOrLoadMany(keysOf(SOME), (missing) => missing);
    await until(() => client.metrics().loads > 0);
    expect(client.metrics().loadsInFlight).toBeGreaterThan(0);
    await client.set(last, 'later');
    await many;
    expect(await client.get(last)).toBe('later');
    expect(await client.get('k0')).toBe('k0');
  }, 60_000);

  test('the owner of what the loader returned may change it at once', async () => {
    const client = await open();
    const keys = keysOf(SOME);
    const asMap = new Map<string, unknown>(keys.map((key) => [key, key]));
    const asArray: unknown[] = [...keys];
    const [fromMap, fromArray] = await Promise.all([
      client.getOrLoadMany(keys, () => {
        setImmediate(() => {
          asMap.clear();
        });
        return asMap;
      }),
      client.getOrLoadMany(
        keys.map((key) => `other ${key}`),
        () => {
          setImmediate(() => asArray.fill('changed'));
          return asArray;
        },
      ),
    ]);
    expect([...fromMap.values()]).toEqual(keys);
    expect([...fromArray.values()]).toEqual(keys);
  }, 60_000);

  test('G9: closing while the flights of a call are opened leaves nobody waiting', async () => {
    const manager = await bench.manager({ things: { cache_type: kind, ...(kind === 'l2' ? {} : ROOM) } });
    const client = manager.client('things');
    const many = client.getOrLoadMany(keysOf(SOME), () => hanging());
    await until(() => client.metrics().loadsInFlight > 0);
    const joined = client.getOrLoad('k0', hanging);
    const ends = Promise.allSettled([many, joined]);
    await manager.close({ deadline: '1ms' });
    for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'CACHE_CLOSED' } });
  }, 60_000);
});

describe.each(KINDS_WITH_L2)('a service of type %s whose Redis stands still', (kind) => {
  test.each(['process', 'cluster'] as const)(
    'with single_flight = "%s" a getOrLoadMany emits one `error` for its reads, and loads',
    async (mode) => {
      const client = await bench.client<string>(kind, { l2: { command_timeout_ms: 100 }, single_flight: mode });
      const errors = collectEvents(client, 'error');
      bench.server.freeze();
      try {
        const keys = keysOf(5);
        const result = await client.getOrLoadMany(keys, (missing) => missing);
        expect([...result.values()]).toEqual(keys);
      } finally {
        bench.server.thaw();
      }
      const reads = errors.map(({ payload }) => payload).filter(({ failed }) => failed !== undefined);
      expect(reads).toMatchObject([{ failed: 5, asked: 5, background: false }]);
      expect(reads[0]?.error.message).toContain('5 of 5 keys could not be read');
      expect(reads[0]).not.toHaveProperty('key');
      expect(client.metrics().l2Timeouts).toBeGreaterThanOrEqual(5);
    },
  );
});
