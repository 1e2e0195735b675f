/** What every eviction policy promises the memory tier, whatever its order. */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FIRST_SLOT, NO_SLOT } from '../../lib/tiers/memory/policy-store.js';
import { checkStore } from '../unit/tiers/memory/check-snapshot.js';
import type { PolicyStore, PolicyStoreOptions } from '../../lib/tiers/memory/policy-store.js';

/** Declares the suite for the stores that `create` makes. */
export function describePolicyStore(name: string, create: (options: PolicyStoreOptions) => PolicyStore): void {
  const make = (maxCapacity: number, initialCapacity = maxCapacity) => create({ maxCapacity, initialCapacity });
  /** As the tier does it: room first, then the key. Returns the evicted key. */
  const insert = (store: PolicyStore, key: string, maxCapacity: number): string | undefined => {
    let evicted: string | undefined;
    if (store.size >= maxCapacity) {
      const slot = store.victim();
      evicted = store.keyOf(slot);
      store.remove(slot, true);
    }
    store.add(key);
    return evicted;
  };

  describe(`policy store ${name}`, () => {
    test('an added key is found under its slot until it is removed', () => {
      const store = make(4);
      const slot = store.add('a');
      expect(slot).toBeGreaterThanOrEqual(FIRST_SLOT);
      expect([store.find('a'), store.peek('a'), store.keyOf(slot)]).toEqual([slot, slot, 'a']);
      store.remove(slot, false);
      expect([store.find('a'), store.peek('a'), store.keyOf(slot), store.size]).toEqual([NO_SLOT, NO_SLOT, undefined, 0]);
    });

    test('removing a free slot changes nothing', () => {
      const store = make(4);
      const slot = store.add('a');
      store.add('b');
      store.remove(slot, false);
      store.remove(slot, false);
      expect(store.size).toBe(1);
      checkStore(store, 4);
    });

    test('names of Object.prototype, the empty string and look-alikes are ordinary keys', () => {
      const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '0', 'ключ', '\u0000', '💥'];
      const store = make(keys.length);
      for (const key of keys) expect(store.find(key)).toBe(NO_SLOT);
      const slots = keys.map((key) => store.add(key));
      expect(keys.map((key) => store.find(key))).toEqual(slots);
    });

    test('freed slots are used again before new ones', () => {
      const store = make(100);
      const slots = Array.from({ length: 10 }, (_, i) => store.add(`k${String(i)}`));
      for (const slot of slots) store.remove(slot, false);
      for (let i = 0; i < 10; i++) store.add(`again${String(i)}`);
      expect(store.slotLimit).toBe(FIRST_SLOT + 10);
    });

    test('it grows from a small beginning to its capacity and no further', () => {
      const store = make(1000, 1);
      for (let i = 0; i < 1000; i++) {
        expect(store.add(`k${String(i)}`)).toBeLessThan(store.slotCapacity);
      }
      expect(store.slotCapacity).toBe(1000 + FIRST_SLOT);
      for (let i = 0; i < 1000; i++) expect(store.keyOf(store.find(`k${String(i)}`))).toBe(`k${String(i)}`);
    });

    test('asking for a victim removes nothing', () => {
      const store = make(3);
      for (const key of ['a', 'b', 'c']) store.add(key);
      expect(store.keyOf(store.victim())).toBe('a');
      expect(store.size).toBe(3);
      expect(['a', 'b', 'c'].every((key) => store.peek(key) !== NO_SLOT)).toBe(true);
    });

    test('of keys never used again the oldest gives way first', () => {
      const store = make(3);
      const evicted = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => insert(store, key, 3));
      expect(evicted).toEqual([undefined, undefined, undefined, 'a', 'b', 'c']);
    });

    test('a key that was used outlives one that was not', () => {
      const store = make(3);
      for (const key of ['a', 'b', 'c']) store.add(key);
      store.find('a');
      expect(insert(store, 'd', 3)).toBe('b');
      expect(store.peek('a')).not.toBe(NO_SLOT);
    });

    test('peek is not a use', () => {
      const store = make(3);
      for (const key of ['a', 'b', 'c']) store.add(key);
      store.peek('a');
      expect(insert(store, 'd', 3)).toBe('a');
    });

    test('keys used all the time survive a scan of many others', () => {
      const store = make(100);
      const hot = Array.from({ length: 20 }, (_, i) => `hot${String(i)}`);
      for (const key of hot) insert(store, key, 100);
      for (let i = 0; i < 5000; i++) {
        insert(store, `scan${String(i)}`, 100);
        if (i % 5 === 0) for (const key of hot) store.find(key);
      }
      expect(hot.filter((key) => store.peek(key) !== NO_SLOT)).toEqual(hot);
    });

    test('G14: a capacity of one holds one', () => {
      const store = make(1);
      expect(['a', 'b', 'c'].map((key) => insert(store, key, 1))).toEqual([undefined, 'a', 'b']);
      expect(store.size).toBe(1);
      checkStore(store, 1);
    });

    test('clear forgets everything, and the store is as good as new', () => {
      const store = make(10);
      for (let i = 0; i < 30; i++) insert(store, `k${String(i)}`, 10);
      store.clear();
      expect([store.size, store.slotLimit, store.find('k29')]).toEqual([0, FIRST_SLOT, NO_SLOT]);
      for (let i = 0; i < 30; i++) insert(store, `k${String(i)}`, 10);
      expect(store.size).toBe(10);
      checkStore(store, 10);
    });

    test('its invariants hold through any sequence of operations', () => {
      const operation = fc.tuple(
        fc.constantFrom('add', 'add', 'find', 'find', 'peek', 'delete', 'evict', 'clear'),
        fc.integer({ min: 0, max: 24 }),
      );
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 12 }),
          fc.array(operation, { maxLength: 250, size: 'max' }),
          (maxCapacity, operations) => {
            const store = make(maxCapacity, 1);
            const held = new Set<string>();
            for (const [kind, number] of operations) {
              const key = `k${String(number)}`;
              if (kind === 'add' && !held.has(key)) {
                const evicted = insert(store, key, maxCapacity);
                if (evicted !== undefined) held.delete(evicted);
                held.add(key);
              } else if (kind === 'find' || kind === 'peek') {
                expect(store[kind](key) !== NO_SLOT).toBe(held.has(key));
              } else if (kind === 'delete') {
                store.remove(store.peek(key), false);
                held.delete(key);
              } else if (kind === 'evict' && store.size > 0) {
                const slot = store.victim();
                held.delete(store.keyOf(slot) ?? 'nothing');
                store.remove(slot, true);
              } else if (kind === 'clear' && number === 0) {
                store.clear();
                held.clear();
              }
              expect(store.size).toBe(held.size);
              checkStore(store, maxCapacity);
            }
          },
        ),
        { numRuns: 60, interruptAfterTimeLimit: 20_000 },
      );
    });
  });
}
