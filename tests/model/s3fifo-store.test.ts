/** The S3-FIFO store against a reference in plain arrays that is too simple to be wrong. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { NO_SLOT } from '../../lib/tiers/memory/policy-store.js';
import { S3FifoStore } from '../../lib/tiers/memory/s3fifo-store.js';
import { checkStore } from '../unit/tiers/memory/check-snapshot.js';

/** Queues as arrays, oldest first; uses in a `Map`; ghosts as two arrays. */
class NaiveS3Fifo {
  small: string[] = [];
  main: string[] = [];
  readonly #uses = new Map<string, number>();
  #youngGhosts: string[] = [];
  #oldGhosts: string[] = [];

  get size(): number {
    return this.small.length + this.main.length;
  }

  has(key: string): boolean {
    return this.#uses.has(key);
  }

  use(key: string): void {
    const uses = this.#uses.get(key);
    if (uses !== undefined) this.#uses.set(key, Math.min(3, uses + 1));
  }

  add(key: string): void {
    const wasEvicted = this.#youngGhosts.includes(key) || this.#oldGhosts.includes(key);
    this.#youngGhosts = this.#youngGhosts.filter((ghost) => ghost !== key);
    this.#oldGhosts = this.#oldGhosts.filter((ghost) => ghost !== key);
    (wasEvicted ? this.main : this.small).push(key);
    this.#uses.set(key, 0);
  }

  evict(): string {
    for (;;) {
      const fromSmall = this.small.length > 0 && this.small.length >= this.size / 10;
      const key = (fromSmall ? this.small : this.main).shift() as string;
      const uses = this.#uses.get(key) ?? 0;
      if (uses === 0) {
        if (fromSmall) this.#remember(key, this.size + 1);
        this.#uses.delete(key);
        return key;
      }
      this.main.push(key);
      this.#uses.set(key, fromSmall ? 0 : uses - 1);
    }
  }

  delete(key: string): void {
    this.small = this.small.filter((other) => other !== key);
    this.main = this.main.filter((other) => other !== key);
    this.#uses.delete(key);
  }

  #remember(key: string, limit: number): void {
    if (this.#youngGhosts.length >= Math.max(1, Math.floor(limit / 2))) {
      this.#oldGhosts = limit > 1 ? this.#youngGhosts : [];
      this.#youngGhosts = [];
    }
    this.#youngGhosts.push(key);
  }
}

test('S3-FIFO chooses the victims its definition names, whatever is used, added and deleted before', () => {
  const operation = fc.tuple(fc.constantFrom('get', 'get', 'get', 'delete'), fc.integer({ min: 0, max: 40 }));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 25 }),
      fc.array(operation, { maxLength: 400, size: 'max' }),
      (maxCapacity, operations) => {
        const store = new S3FifoStore({ maxCapacity, initialCapacity: 1 });
        const naive = new NaiveS3Fifo();
        for (const [kind, number] of operations) {
          const key = `k${String(number)}`;
          if (kind === 'delete') {
            store.remove(store.peek(key), false);
            naive.delete(key);
          } else if (store.find(key) !== NO_SLOT) {
            naive.use(key);
          } else {
            if (store.size >= maxCapacity) {
              const slot = store.victim();
              expect(store.keyOf(slot)).toBe(naive.evict());
              store.remove(slot, true);
            }
            store.add(key);
            naive.add(key);
          }
          const { queues } = store.inspect();
          expect(queues['small']?.map((entry) => entry.key)).toEqual(naive.small);
          expect(queues['main']?.map((entry) => entry.key)).toEqual(naive.main);
          checkStore(store, maxCapacity);
        }
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
});
