/** The memory tier against a plain `Map` with times: TTL, time to idle, stale window, capacity and bytes under any sequence of calls. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ABSENT } from '../../lib/tiers/memory/memory-entry.js';
import { buildTier } from '../unit/tiers/memory/build-tier.js';
import { checkTier } from '../unit/tiers/memory/check-snapshot.js';
import type { FakeClock } from '../../lib/testing/fake-clock.js';
import type { MemoryTier } from '../../lib/tiers/memory/memory-tier.js';

interface Expected {
  value: unknown;
  expiresAtMs: number;
  idleAtMs: number;
}
interface Limits {
  readonly eviction: 's3fifo' | 'lru';
  readonly maxCapacity: number;
  readonly maxBytes?: number;
  readonly ttiMs?: number;
  readonly staleTtlMs: number;
}

/** What should be there. The tier tells what it evicted, which is the only thing the model does not decide itself. */
class Model {
  readonly entries = new Map<string, Expected>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  write(key: string, value: unknown, nowMs: number, expiresAtMs: number): void {
    this.entries.set(key, { value, expiresAtMs, idleAtMs: nowMs + (this.#limits.ttiMs ?? Infinity) });
  }

  state(key: string, nowMs: number): 'fresh' | 'stale' | 'gone' {
    const entry = this.entries.get(key);
    if (entry === undefined) return 'gone';
    if (entry.idleAtMs < entry.expiresAtMs && nowMs >= entry.idleAtMs) return 'gone';
    if (nowMs < entry.expiresAtMs) return 'fresh';
    return nowMs < entry.expiresAtMs + this.#limits.staleTtlMs ? 'stale' : 'gone';
  }

  read(key: string, nowMs: number): unknown {
    const entry = this.entries.get(key);
    if (entry === undefined || this.state(key, nowMs) !== 'fresh') return undefined;
    entry.idleAtMs = nowMs + (this.#limits.ttiMs ?? Infinity);
    return entry.value;
  }
}

interface Real {
  readonly tier: MemoryTier;
  readonly clock: FakeClock;
  readonly evicted: { key: string; reason: string }[];
}

/** Takes over what the tier evicted, and checks that it was allowed to. */
function settle(model: Model, real: Real, limits: Limits): void {
  for (const { key, reason } of real.evicted.splice(0)) {
    if (reason === 'expired') expect(model.state(key, real.clock.nowMs())).toBe('gone');
    else expect(model.state(key, real.clock.nowMs())).not.toBe('gone');
    model.entries.delete(key);
  }
  checkTier(real.tier, limits.maxCapacity, limits.maxBytes);
}

const key = fc.integer({ min: 0, max: 15 }).map((n) => (n === 0 ? '__proto__' : `key${String(n)}`));
const value = fc.oneof(
  fc.constantFrom<unknown>(0, '', false, null, Number.NaN, ABSENT),
  fc.string({ maxLength: 300 }),
  fc.record({ a: fc.integer() }),
);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('write' as const), key, value, ttlMs: fc.integer({ min: -2, max: 60 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('read' as const, 'readEntry' as const, 'delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('setExpiry' as const), key, ttlMs: fc.integer({ min: -5, max: 60 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.integer({ min: 0, max: 80 }).map((quarter) => quarter / 4),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const), slots: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('doom' as const), keys: fc.uniqueArray(key, { maxLength: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeDoomed' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), really: fc.integer({ min: 0, max: 4 }) }) },
);
const limits: fc.Arbitrary<Limits> = fc.record(
  {
    eviction: fc.constantFrom('s3fifo' as const, 'lru' as const),
    maxCapacity: fc.integer({ min: 1, max: 10 }),
    maxBytes: fc.integer({ min: 300, max: 4000 }),
    ttiMs: fc.integer({ min: 1, max: 40 }),
    staleTtlMs: fc.constantFrom(0, 15),
  },
  { requiredKeys: ['eviction', 'maxCapacity', 'staleTtlMs'] },
);

test('G2, G14: after any sequence of calls the tier serves what the model says, within its limits', () => {
  fc.assert(
    fc.property(limits, fc.array(operation, { maxLength: 200, size: 'max' }), (chosen, operations) => {
      const real: Real = buildTier(chosen);
      const model = new Model(chosen);
      for (const step of operations) {
        const nowMs = real.clock.nowMs();
        switch (step.kind) {
          case 'write': {
            const expiresAtMs = nowMs + step.ttlMs;
            const isKept = real.tier.write(step.key, step.value, nowMs, expiresAtMs, expiresAtMs);
            if (isKept) {
              settleBeforeWrite(model, real, step.key);
              model.write(step.key, step.value, nowMs, expiresAtMs);
            } else {
              model.entries.delete(step.key);
            }
            if (chosen.maxBytes === undefined) expect(isKept).toBe(expiresAtMs + chosen.staleTtlMs > nowMs);
            break;
          }
          case 'read':
            expect(real.tier.read(step.key)).toEqual(model.read(step.key, nowMs));
            break;
          case 'readEntry': {
            const state = model.state(step.key, nowMs);
            const entry = real.tier.readEntry(step.key);
            expect(entry === undefined ? 'gone' : entry.stale ? 'stale' : 'fresh').toBe(state);
            expect(entry?.value).toEqual(state === 'gone' ? undefined : model.entries.get(step.key)?.value);
            model.read(step.key, nowMs);
            break;
          }
          case 'delete': {
            const isLive = model.state(step.key, nowMs) === 'fresh' && model.entries.get(step.key)?.value !== ABSENT;
            expect(real.tier.delete(step.key)).toBe(isLive);
            model.entries.delete(step.key);
            break;
          }
          case 'setExpiry': {
            const held = model.entries.get(step.key);
            const isLive = model.state(step.key, nowMs) === 'fresh' && held?.value !== ABSENT;
            expect(real.tier.setExpiry(step.key, nowMs + step.ttlMs, nowMs + step.ttlMs)).toBe(isLive);
            if (isLive) model.write(step.key, held?.value, nowMs, nowMs + step.ttlMs);
            break;
          }
          case 'advance':
            real.clock.advance(step.ms);
            break;
          case 'sweep':
            expect(real.tier.sweep(step.slots)).toBe(real.evicted.length);
            break;
          case 'doom':
            real.tier.doom(new Set(step.keys));
            for (const doomed of step.keys) model.entries.delete(doomed);
            break;
          case 'removeDoomed':
            real.tier.removeDoomed(step.count);
            break;
          case 'clear':
            if (step.really !== 0) break;
            real.tier.clear();
            model.entries.clear();
        }
        settle(model, real, chosen);
      }
    }),
    { numRuns: 300, interruptAfterTimeLimit: 20_000 },
  );
});

/** A write may evict other keys, and the older entry of its own key; the new entry is not among them. */
function settleBeforeWrite(model: Model, real: Real, written: string): void {
  const own = real.evicted.findIndex((departure) => departure.key === written);
  if (own >= 0) real.evicted.splice(own, 1);
  model.entries.delete(written);
}
