/** The order of the `lru` policy, which follows quick-lru's generations without ever letting it drop anything. */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { NO_SLOT } from '../../../../lib/tiers/memory/policy-store.js';
import { QuickLruStore } from '../../../../lib/tiers/memory/quick-lru-store.js';
import { checkStore } from './check-snapshot.js';

/** Two generations as arrays in the order of entry, and the keys read since they entered the young one. */
class NaiveGenerations {
  #old: string[] = [];
  #young: string[] = [];
  readonly #used = new Set<string>();
  readonly #maxCapacity: number;

  constructor(maxCapacity: number) {
    this.#maxCapacity = maxCapacity;
  }

  use(key: string): void {
    if (this.#young.includes(key)) {
      this.#used.add(key);
    } else {
      this.#old = this.#old.filter((other) => other !== key);
      this.#used.delete(key);
      this.add(key);
    }
  }

  add(key: string): void {
    this.#young.push(key);
    if (this.#young.length < this.#maxCapacity) return;
    expect(this.#old).toEqual([]);
    this.#old = this.#young;
    this.#young = [];
  }

  evict(): string {
    for (;;) {
      const key = (this.#old.length > 0 ? this.#old : this.#young).shift() as string;
      if (!this.#used.delete(key)) return key;
      this.add(key);
    }
  }

  delete(key: string): void {
    this.#old = this.#old.filter((other) => other !== key);
    this.#young = this.#young.filter((other) => other !== key);
    this.#used.delete(key);
  }
}

describe('QuickLruStore', () => {
  test('keys read since the change of generations outlive those that were not', () => {
    const store = new QuickLruStore({ maxCapacity: 6, initialCapacity: 6 });
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) store.add(key);
    for (const key of ['a', 'c', 'e']) store.find(key);
    const evicted: (string | undefined)[] = [];
    for (const key of ['g', 'h', 'i']) {
      const slot = store.victim();
      evicted.push(store.keyOf(slot));
      store.remove(slot);
      store.add(key);
    }
    expect(evicted).toEqual(['b', 'd', 'f']);
  });

  test('it chooses the victims of its definition, whatever is read, added, deleted and evicted before', () => {
    const operation = fc.tuple(fc.constantFrom('get', 'get', 'get', 'get', 'delete', 'evict'), fc.integer({ min: 0, max: 14 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.array(operation, { maxLength: 150, size: 'max' }),
        (maxCapacity, operations) => {
          const store = new QuickLruStore({ maxCapacity, initialCapacity: 1 });
          const naive = new NaiveGenerations(maxCapacity);
          const evict = () => {
            const slot = store.victim();
            expect(store.keyOf(slot)).toBe(naive.evict());
            store.remove(slot);
          };
          for (const [kind, number] of operations) {
            const key = `k${String(number)}`;
            if (kind === 'evict') {
              if (store.size > 0) evict();
            } else if (kind === 'delete') {
              store.remove(store.peek(key));
              naive.delete(key);
            } else if (store.find(key) !== NO_SLOT) {
              naive.use(key);
            } else {
              if (store.size >= maxCapacity) evict();
              store.add(key);
              naive.add(key);
            }
            checkStore(store, maxCapacity);
          }
        },
      ),
      { numRuns: 150, interruptAfterTimeLimit: 20_000 },
    );
  });
});
