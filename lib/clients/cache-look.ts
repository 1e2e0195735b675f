/**
 * Looking for a key before it is loaded: in L1, in this process's unconfirmed writes, in L2. A look ends with a fresh value, or
 * with notes of what it found instead. It counts nothing.
 */
import { ABSENT, type MemoryEntry } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { LoadEnd } from './flight.js';
import type { LookNotes } from './look-notes.js';
import { UNREADABLE } from './pending-read.js';
import type { ReadFailures } from './read-failures.js';
import type { ReadPath } from './read-path.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** Looks of one view of a service. */
export class CacheLook {
  readonly #core: ServiceCore;
  readonly #reads: ReadPath;
  readonly #memory: MemoryTier | undefined;
  readonly #redis: RedisSide | undefined;

  constructor(core: ServiceCore, reads: ReadPath, memory: MemoryTier | undefined, redis: RedisSide | undefined) {
    this.#core = core;
    this.#reads = reads;
    this.#memory = memory;
    this.#redis = redis;
  }

  /**
   * What L1 or L2 has; `undefined` with the notes taken when there is nothing fresh. Never rejects.
   *
   * @param failures of a call about many keys, which reports for all of them
   */
  async find(notes: LookNotes, failures?: ReadFailures): Promise<LoadEnd | undefined> {
    const { lifetimes } = this.#core.parts;
    const held = this.#memory?.readEntry(notes.key);
    if (held?.stale === false) return { source: 'l1', value: held.value === ABSENT ? undefined : held.value };
    if (this.#redis === undefined) {
      this.#note(notes, held);
      return undefined;
    }
    const entry = await this.#reads.fetch(notes.key, failures);
    // Not before: what was invalidated while L2 was asked is not served, not even as a stale copy.
    if (held !== undefined) this.noteMemory(notes);
    notes.hasWaitedInVain = entry === UNREADABLE;
    if (entry === undefined || entry === UNREADABLE) return undefined;
    if (lifetimes.isFresh(entry)) {
      notes.isDue = lifetimes.isDueForRefresh(entry);
      return { source: 'l2', value: entry.value };
    }
    if (entry.kind === 'v') {
      notes.stale = entry.value;
      notes.staleTier = 'l2';
      notes.staleEndMs = lifetimes.localEndMs(entry);
    }
    return undefined;
  }

  /** Notes what L1 holds, fresh or not: it may stand in if a load fails. */
  noteMemory(notes: LookNotes): void {
    this.#note(notes, this.#memory?.readEntry(notes.key));
  }

  #note(notes: LookNotes, held: MemoryEntry | undefined): void {
    if (held === undefined || held.value === ABSENT) return;
    notes.stale = held.value;
    notes.staleTier = 'l1';
    notes.staleEndMs = held.expiresAtMs + this.#core.parts.config.staleTtlMs;
  }
}
