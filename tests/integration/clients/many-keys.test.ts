/** Calls about very many keys, or very large values: all of them are found, nobody else is held up, and no circuit opens. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { collectEvents } from '../../support/collect-events.js';
import { KINDS, KINDS_WITH_L2, Workbench } from './workbench.js';

const bench = new Workbench();

/** More than any call should do in one piece. */
const MANY = 200_000;

/** Where a call about many keys is cut into more slices than one, also on a fast machine. */
const SOME = 30_000;

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`);
}

function entriesOf(count: number): [string, number][] {
  return Array.from({ length: count }, (_, i) => [`k${i}`, i]);
}

/** How often the event loop turned while `work` ran. */
async function countTurns<T>(work: () => Promise<T>): Promise<{ readonly turns: number; readonly result: T }> {
  let turns = 0;
  let isDone = false;
  const turn = (): void => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await work();
  isDone = true;
  return { turns, result };
}

function expectNoOutage(client: CacheClient): void {
  expect(client.metrics()).toMatchObject({ l2Timeouts: 0, l2Errors: 0, writesLogged: 0, writesFailed: 0, writesSuperseded: 0 });
  expect(client.health().l2?.status).toBe('healthy');
}

describe('200,000 keys of a service of type l2', () => {
  test('are all written, found and removed, and the event loop turns all the while', async () => {
    const manager = await bench.manager({ things: { cache_type: 'l2' } });
    const client = manager.client<number>('things');
    const degrades = collectEvents(manager, 'degrade');
    const entries = entriesOf(MANY);
    const keys = keysOf(MANY);

    const written = await countTurns(() => client.setMany(entries));
    expect(written.result.size).toBe(MANY);
    expect(new Set([...written.result.values()].map(({ l2 }) => l2))).toEqual(new Set(['written']));
    expect(written.turns).toBeGreaterThan(50);

    const reader = await bench.client<number>('l2');
    const read = await countTurns(() => reader.getMany(keys));
    expect(read.result.size).toBe(MANY);
    // As texts: jest takes long to compare so many elements.
    expect([...read.result.keys()].join()).toBe(keys.join());
    expect(read.turns).toBeGreaterThan(50);
    expectNoOutage(reader);

    const removed = await countTurns(() => client.deleteMany(keys));
    expect(removed.result).toBe(MANY);
    expect(removed.turns).toBeGreaterThan(50);
    expectNoOutage(client);
    expect(degrades).toEqual([]);
  }, 180_000);
});

test('100,000 gets of one tick find all', async () => {
  const client = await bench.client<number>('l2');
  const keys = keysOf(100_000);
  await client.setMany(entriesOf(100_000));
  expect((await Promise.all(keys.map((key) => client.get(key)))).join()).toBe(keys.map((_, i) => i).join());
  expectNoOutage(client);
}, 120_000);

describe.each(KINDS)('very many keys of a service of type %s', (kind) => {
  test('getOrLoadMany loads with one call, and then finds all', async () => {
    const client = await bench.client<number>(kind, kind === 'l2' ? {} : { l1: { max_capacity: SOME } });
    const keys = keysOf(SOME);
    const calls: number[] = [];
    const load = (): Promise<Map<string, number | undefined>> =>
      client.getOrLoadMany(keys, (missing) => {
        calls.push(missing.length);
        return missing.map((key) => Number(key.slice(1)));
      });
    for (let round = 0; round < 2; round++) {
      const { turns, result } = await countTurns(load);
      expect([...result].join()).toBe(entriesOf(SOME).join());
      expect(turns).toBeGreaterThan(3);
    }
    expect(calls).toEqual([SOME]);
  }, 120_000);

  test('G4: a later call wins over what is left of an earlier setMany', async () => {
    const client = await bench.client(kind, kind === 'l2' ? {} : { l1: { max_capacity: SOME } });
    const last = `k${SOME - 1}`;
    const removed = `k${SOME - 2}`;
    const many = client.setMany(entriesOf(SOME));
    const set = client.set(last, 'later');
    const deleted = client.delete(removed);
    await Promise.all([many, set, deleted]);
    expect(await client.get(last)).toBe('later');
    expect(await client.get(removed)).toBeUndefined();
    expect(await client.get(`k${SOME - 3}`)).toBe(SOME - 3);
    const result = await many;
    expect(result.size).toBe(SOME);
    expect(result.get(last)).toEqual({ l1: false, l2: 'none' });
  }, 60_000);

  test('G4: a clear that comes later leaves nothing of an earlier setMany', async () => {
    const client = await bench.client<number>(kind, kind === 'l2' ? {} : { l1: { max_capacity: SOME } });
    await Promise.all([client.setMany(entriesOf(SOME)), client.clear()]);
    expect((await client.getMany(keysOf(SOME))).size).toBe(0);
  }, 60_000);

  test('G4: an invalidation of its tag that comes later leaves nothing of an earlier setMany', async () => {
    const client = await bench.client<number>(kind, kind === 'l2' ? {} : { l1: { max_capacity: SOME } });
    await Promise.all([client.setMany(entriesOf(SOME), { tags: ['tag'] }), client.invalidateTags('tag')]);
    expect((await client.getMany(keysOf(SOME))).size).toBe(0);
  }, 60_000);

  test('of two calls of setMany the later one counts for every key', async () => {
    const client = await bench.client<string>(kind, kind === 'l2' ? {} : { l1: { max_capacity: SOME } });
    const keys = keysOf(SOME);
    const entries = (value: string): [string, string][] => keys.map((key) => [key, value]);
    await Promise.all([client.setMany(entries('earlier')), client.setMany(entries('later').reverse())]);
    expect(new Set((await client.getMany(keys)).values())).toEqual(new Set(['later']));
  }, 60_000);

  test('what the owner of the arguments does with them after the call changes nothing', async () => {
    const client = await bench.client<number>(kind, kind === 'l2' ? {} : { l1: { max_capacity: SOME } });
    const entries = new Map(entriesOf(SOME));
    const setting = client.setMany(entries);
    entries.clear();
    expect((await setting).size).toBe(SOME);
    const keys = keysOf(SOME);
    const getting = client.getMany(keys);
    keys.length = 0;
    expect((await getting).size).toBe(SOME);
  }, 60_000);

  test('G12: the last of very many keys is checked before the first is written', async () => {
    const client = await bench.client<number>(kind);
    const bad = [...entriesOf(SOME), ['', 1] as [string, number]];
    await expect(client.setMany(bad)).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    await expect(client.deleteMany([...keysOf(SOME), ''])).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    expect((await client.getMany(keysOf(10))).size).toBe(0);
  }, 60_000);
});

describe.each(KINDS_WITH_L2)('a service of type %s', (kind) => {
  test('flush waits for a setMany that is under way', async () => {
    const client = await bench.client<number>(kind);
    const setting = client.setMany(entriesOf(SOME));
    await client.flush();
    expect(await bench.names()).toHaveLength(SOME);
    await setting;
  }, 60_000);
});

test('45 values of 10 MiB are found, in one call and in 45 of one tick', async () => {
  const value = 'x'.repeat(10 * 1024 * 1024 - 4096);
  const writer = await bench.client<string>('l2');
  const keys = keysOf(45);
  for (const key of keys) await writer.set(key, value);
  const sizes = (found: Iterable<string | undefined>): number[] => [...found].map((each) => each?.length ?? 0);
  const all = keys.map(() => value.length);

  for (const kind of KINDS_WITH_L2) {
    const inOne = await bench.client<string>(kind);
    expect(sizes((await inOne.getMany(keys)).values())).toEqual(all);
    expectNoOutage(inOne);

    const inOneTick = await bench.client<string>(kind);
    expect(sizes(await Promise.all(keys.map((key) => inOneTick.get(key))))).toEqual(all);
    expectNoOutage(inOneTick);
  }
}, 180_000);
