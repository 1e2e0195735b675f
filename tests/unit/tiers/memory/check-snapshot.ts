/** What must hold for a policy store and a memory tier after every operation, checked on their public snapshots. */
import { FIRST_SLOT } from '../../../../lib/tiers/memory/policy-store.js';
import type { MemoryTier } from '../../../../lib/tiers/memory/memory-tier.js';
import type { PolicyStore } from '../../../../lib/tiers/memory/policy-store.js';

/** Throws when an invariant of `store` is broken. */
export function checkStore(store: PolicyStore, maxCapacity: number): void {
  const { queues, freeSlots, ghosts } = store.inspect();
  const entries = Object.values(queues).flat();
  const slots = [...entries.map((entry) => entry.slot), ...freeSlots];
  ensure(entries.length === store.size, `${String(entries.length)} queued entries, but the size is ${String(store.size)}`);
  ensure(store.size <= maxCapacity, 'more entries than the capacity');
  ensure(new Set(slots).size === slots.length, 'a slot is in two places');
  ensure(new Set(entries.map((entry) => entry.key)).size === entries.length, 'a key has two slots');
  ensure(slots.length === store.slotLimit - FIRST_SLOT, 'a slot was lost');
  ensure(store.slotLimit <= maxCapacity + FIRST_SLOT, 'more slots than the capacity');
  ensure(ghosts.length <= maxCapacity, 'more ghosts than the capacity');
  for (const { key, slot } of entries) {
    ensure(store.peek(key) === slot, `the index does not lead to the slot of ${key}`);
    ensure(store.keyOf(slot) === key, `the slot does not know ${key}`);
    ensure(!ghosts.includes(key), `${key} is an entry and a ghost`);
  }
  for (const slot of freeSlots) ensure(store.keyOf(slot) === undefined, 'a freed slot still holds a key');
}

/** Throws when an invariant of `tier` is broken. */
export function checkTier(tier: MemoryTier, maxCapacity: number, maxBytes = Infinity): void {
  const { queues, freeSlots, slotLimit, weights } = tier.inspect();
  const entries = Object.values(queues).flat();
  ensure(entries.length === tier.size && tier.size <= maxCapacity, 'the size is wrong or beyond the capacity');
  ensure(entries.length + freeSlots.length === slotLimit - FIRST_SLOT, 'a slot was lost');
  ensure(tier.bytes <= maxBytes, 'more bytes than the limit');
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
  ensure(sum === tier.bytes, `the weights are ${String(sum)}, but the tier says ${String(tier.bytes)}`);
}

function ensure(isTrue: boolean, problem: string): void {
  if (!isTrue) throw new Error(`Invariant broken: ${problem}`);
}
