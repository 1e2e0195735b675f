/**
 * What an outage costs the callers: a hit in L1 while Redis is away next to one while it is there, how long a load is held up
 * by a Redis that is known to be away, what writes cost, and what 100,000 of them over 100 keys leave in memory. The Redis
 * that is away is a port on which nobody listens.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { measureRounds } from '../support/micro-rounds.mjs';
import { oxcache } from '../support/package.mjs';
import { median, quantile, ratios } from '../support/statistics.mjs';

const KEYS = 10_000;
const WRITES = 100_000;
const HOT_KEYS = 100;

export async function run({ redisUrl }) {
  const dir = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  const managers = [];
  const open = async (url) => {
    const l2 = { connection_string: url };
    const c = { cache_type: 'two-level', ttl: 600, l1: { max_capacity: 2 * KEYS, ttl: 300, tti: 180 }, l2 };
    const manager = await oxcache.createManager({ global: { log_level: 'silent', wal: { dir } }, services: { c } });
    managers.push(manager);
    return manager.client('c');
  };
  try {
    const healthy = await open(redisUrl);
    const alone = await open(`redis://127.0.0.1:${await unusedPort()}`);
    if (healthy.health().status !== 'healthy' || alone.health().status !== 'degraded') throw new Error('not as it should be');
    return [...(await measureHits(healthy, alone)), ...(await measureMisses(alone)), ...(await measureWrites(alone))];
  } finally {
    for (const manager of managers) await manager.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measureHits(healthy, alone) {
  const keys = makeKeys(KEYS, 'hit:');
  for (const [i, key] of keys.entries()) {
    await healthy.set(key, makeValue(i));
    await alone.set(key, makeValue(i));
  }
  const order = shuffle(keys);
  const ns = await measureRounds(
    {
      async healthy() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if ((await healthy.get(order[i])) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
      async alone() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if ((await alone.get(order[i])) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
    },
    { operations: KEYS, isAsync: true },
  );
  const note = `${median(ns.alone).toFixed(0)} ns; while Redis is there ${median(ns.healthy).toFixed(0)} ns`;
  return [{ figure: 'L1 hit in an outage / in health', goal: ['<=', 1.1], ...ratios(ns.alone, ns.healthy), note }];
}

async function measureMisses(alone) {
  const us = [];
  for (let i = 0; i < 5000; i++) {
    const startedMs = performance.now();
    let loaderMs = 0;
    await alone.getOrLoad(`miss:${i}`, () => {
      loaderMs = performance.now();
      return i;
    });
    if (i >= 1000) us.push((loaderMs - startedMs) * 1000);
  }
  const note = `99 of 100 within ${quantile(us, 0.99).toFixed(0)} µs`;
  const quartiles = { low: quantile(us, 0.25), high: quantile(us, 0.75) };
  return [
    { figure: 'a miss in an outage, up to its loader', goal: ['<=', 100], unit: 'µs', measured: median(us), ...quartiles, note },
  ];
}

async function measureWrites(alone) {
  const keys = makeKeys(HOT_KEYS, 'hot:');
  const burst = async () => {
    for (let from = 0; from < WRITES; from += 1000) {
      const calls = [];
      for (let i = from; i < from + 1000; i++) calls.push(alone.set(keys[i % HOT_KEYS], makeValue(i)));
      for (const { l2 } of await Promise.all(calls)) if (l2 !== 'logged') throw new Error(l2);
    }
  };
  await burst();
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const startedMs = performance.now();
  await burst();
  const perSecond = WRITES / ((performance.now() - startedMs) / 1000);
  const heap = process.memoryUsage().heapUsed;
  globalThis.gc();
  const kept = (process.memoryUsage().heapUsed - before) / 1e6;
  const { loggedKeys, logBytes } = alone.metrics();
  const note = `${((heap - before) / 1e6).toFixed(1)} MB before the garbage is collected; ${(logBytes / 1e6).toFixed(1)} MB on the disk for ${loggedKeys} keys`;
  return [
    {
      figure: `heap after ${WRITES} writes over ${HOT_KEYS} keys`,
      goal: ['<=', 20],
      unit: 'MB',
      measured: Math.max(0, kept),
      note,
    },
    { figure: '`set` in an outage, 1000 callers', unit: 'writes/s', measured: perSecond },
  ];
}

function unusedPort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
