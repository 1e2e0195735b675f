/** The snapshot of what was counted. */
import { describe, expect, test } from '@jest/globals';
import { NOTHING_OWED } from '../../../lib/observe/owed-writes.js';
import { createCounters, snapshotMetrics } from '../../../lib/observe/metrics.js';

const COUNTED = {
  l1Entries: 5,
  l1Bytes: 100,
  pendingWrites: 2,
  loggedKeys: 3,
  logBytes: 4096,
  owed: NOTHING_OWED,
  loadsInFlight: 1,
};
const GAUGES = { ...COUNTED, invalidationLag: undefined };

describe('snapshotMetrics', () => {
  test('has the counters, the gauges and the share of hits', () => {
    const counters = createCounters();
    counters.l1Hits = 6;
    counters.l2Hits = 3;
    counters.misses = 3;
    const metrics = snapshotMetrics('s', true, counters, GAUGES);
    expect(metrics).toEqual({ service: 's', enabled: true, ...counters, ...COUNTED, hitRatio: 0.75 });
  });

  test('has no share of hits before the first read', () => {
    expect(snapshotMetrics('s', true, createCounters(), GAUGES)).not.toHaveProperty('hitRatio');
  });

  test('is a copy: later counting does not change it', () => {
    const counters = createCounters();
    const metrics = snapshotMetrics('s', true, counters, GAUGES);
    counters.writes++;
    expect(metrics.writes).toBe(0);
  });

  test('has nothing but zeros where counting is off, and still what is there now', () => {
    const counters = createCounters();
    counters.misses = 3;
    expect(snapshotMetrics('s', false, counters, GAUGES)).toEqual({
      service: 's',
      enabled: false,
      ...createCounters(),
      ...COUNTED,
    });
  });

  test('has how late messages came once there was one, where counting is on', () => {
    const invalidationLag = { count: 2, p50Ms: 1, p99Ms: 3, maxMs: 3 };
    const gauges = { ...COUNTED, invalidationLag };
    expect(snapshotMetrics('s', true, createCounters(), gauges).invalidationLag).toEqual(invalidationLag);
    expect(snapshotMetrics('s', true, createCounters(), GAUGES)).not.toHaveProperty('invalidationLag');
    expect(snapshotMetrics('s', false, createCounters(), gauges)).not.toHaveProperty('invalidationLag');
  });
});
