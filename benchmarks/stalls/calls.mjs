/**
 * Calls about very many keys, each watched for the longest stall of the event loop and for how many keys it was right about. A
 * process of its own for each kind of service. Arguments are made before a call begins, and loaders return what was made
 * before, so what is seen is the library's own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys, makeValue } from '../support/keys.mjs';
import { oxcache } from '../support/package.mjs';
import { watchLoop } from './loop-watch.mjs';

const TAG = 'many';

/** Measures the calls of one kind of service, `rounds` times; resolves to a list of `{ name, stallMs, found, of }`. */
export async function measureCalls(kind, redisUrl, { keys: count, rounds }) {
  const keys = makeKeys(count);
  const entries = keys.map((key, i) => [key, makeValue(i)]);
  const values = entries.map(([, value]) => value);
  const seen = [];
  for (let round = 0; round < rounds; round++) {
    const bench = await openBench(kind, redisUrl, count);
    await measureRound(bench, { keys, entries, values }, seen);
  }
  return seen;
}

/** Measures what empties an L1 of so many entries, and filling it. */
export async function measureClear(eviction, { entries: count, rounds }) {
  const entries = makeKeys(count).map((key, i) => [key, i]);
  const seen = [];
  for (let round = 0; round < rounds; round++) {
    const bench = await openBench({ cacheType: 'l1', l1: { eviction } }, undefined, count);
    const client = await bench.open();
    const isEmpty = () => count - client.metrics().l1Entries;
    const { note } = noterOf(seen, count);
    await note('setMany', () => client.setMany(entries), sizeOf);
    await note('clear', () => client.clear(), isEmpty);
    await client.setMany(entries);
    await note('close', bench.close, isEmpty);
  }
  return seen;
}

async function measureRound(bench, { keys, entries, values }, seen) {
  const { note } = noterOf(seen, keys.length);
  const client = await bench.open();
  const left = async () => keys.length - (await client.getMany(keys)).size;
  await note('setMany', () => client.setMany(entries), sizeOf);
  if (bench.hasRedis) {
    // Of managers that have nothing in L1, and are gone before the next call: each would be a process of its own.
    await bench.useOther((other) => note('getMany', () => other.getMany(keys), sizeOf));
    await bench.useOther((other) => note('getOrLoadMany, in L2', () => other.getOrLoadMany(keys, refuse), sizeOf));
  }
  if (bench.hasMemory) await note('getMany, in L1', () => client.getMany(keys), sizeOf);
  await note(
    'deleteMany',
    () => client.deleteMany(keys),
    (removed) => removed,
  );
  await note('getOrLoadMany, loaded', () => client.getOrLoadMany(keys, () => values), sizeOf);
  await note('clear', () => client.clear(), left);
  await client.setMany(entries, { tags: [TAG] });
  await note('invalidateTags', () => client.invalidateTags(TAG), left);
  await client.setMany(entries);
  await note('close', bench.close, () => keys.length);
}

/** How many values there are; of calls that store, how many were stored where they should be. */
function sizeOf(results) {
  let found = 0;
  for (const result of results.values()) if (result !== undefined && result.l2 !== 'logged') found++;
  return found;
}

function refuse() {
  throw new Error('loaded what is in L2');
}

/** Notes a call and its longest stall; `count` tells afterwards for how many keys it did what it should. */
function noterOf(seen, of) {
  const note = async (name, act, count) => {
    globalThis.gc();
    const { result, stallMs } = await watchLoop(act);
    seen.push({ name, stallMs, found: await count(result), of });
  };
  return { note };
}

/** Managers of one service. */
async function openBench({ cacheType, serialization = 'json', l1 = {} }, redisUrl, capacity) {
  const dir = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  const hasRedis = cacheType !== 'l1';
  const hasMemory = cacheType !== 'l2';
  const service = {
    cache_type: cacheType,
    ttl: 600,
    serialization,
    ...(hasMemory ? { l1: { max_capacity: capacity, ...l1 } } : {}),
    ...(hasRedis ? { l2: { connection_string: redisUrl } } : {}),
  };
  const create = () => oxcache.createManager({ global: { log_level: 'silent', wal: { dir } }, services: { c: service } });
  let manager;
  const open = async () => {
    manager = await create();
    return manager.client('c');
  };
  const useOther = async (act) => {
    const other = await create();
    await act(other.client('c'));
    await other.close();
  };
  const close = async () => {
    await manager.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { open, useOther, close, hasRedis, hasMemory };
}
