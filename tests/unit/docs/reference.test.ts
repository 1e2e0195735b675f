import { describe, expect, test } from '@jest/globals';
import { NOTHING_OWED } from '../../../lib/observe/owed-writes.js';
import { CACHE_ERROR_CODES } from '../../../lib/base/errors.js';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { CACHE_EVENTS } from '../../../lib/observe/events.js';
import { createCounters, snapshotMetrics, type ServiceGauges, type ServiceMetrics } from '../../../lib/observe/metrics.js';
import { foldersOf, readPage, sectionOf, tableOf } from './read-page.js';

const firstColumn = (page: string, heading: string): string[] =>
  tableOf(sectionOf(readPage(page), heading)).map(([cell = '']) => cell);

/** As an object, because the compiler then insists on every name of the type. */
const METHODS: Record<keyof CacheClient, true> = {
  service: true,
  get: true,
  peek: true,
  lookup: true,
  set: true,
  delete: true,
  has: true,
  expire: true,
  getMany: true,
  setMany: true,
  deleteMany: true,
  getOrLoad: true,
  getOrLoadMany: true,
  refresh: true,
  setL1Only: true,
  setL2Only: true,
  getL1Only: true,
  getL2Only: true,
  invalidateTags: true,
  lock: true,
  clear: true,
  flush: true,
  close: true,
  health: true,
  metrics: true,
  on: true,
  off: true,
};

describe('the reference pages', () => {
  test('docs/errors.md lists exactly the codes there are', () => {
    expect(firstColumn('docs/errors.md', '## Codes').sort()).toEqual([...CACHE_ERROR_CODES].sort());
  });

  test('docs/events.md lists exactly the events there are', () => {
    expect(firstColumn('docs/events.md', '## Events').sort()).toEqual([...CACHE_EVENTS].sort());
  });

  test('docs/events.md lists exactly the fields of the metrics', () => {
    const gauges: ServiceGauges = {
      l1Entries: 0,
      l1Bytes: 0,
      pendingWrites: 0,
      loggedKeys: 0,
      logBytes: 0,
      owed: NOTHING_OWED,
      loadsInFlight: 0,
      invalidationLag: { count: 1, p50Ms: 1, p99Ms: 1, maxMs: 1 },
    };
    const metrics: ServiceMetrics = snapshotMetrics('name', true, { ...createCounters(), misses: 1 }, gauges);
    expect(firstColumn('docs/events.md', '## Metrics').sort()).toEqual(Object.keys(metrics).sort());
  });

  test('docs/api.md has every method of a client in one of its tables', () => {
    const client = sectionOf(readPage('docs/api.md'), '## The client');
    const cells = client.split('\n').flatMap((line) => /^\| ([^|]*)\|/.exec(line)?.[1] ?? []);
    const named = new Set(cells.flatMap((cell) => [...cell.matchAll(/`(\w+)/g)].map(([, name = '']) => name)));
    expect(Object.keys(METHODS).filter((name) => !named.has(name))).toEqual([]);
  });

  test('docs/architecture.md describes exactly the folders of lib/', () => {
    expect(firstColumn('docs/architecture.md', '## The folders of `lib/`, lowest first').sort()).toEqual(foldersOf('lib'));
  });
});
