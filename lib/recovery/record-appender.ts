/** Puts the last write of a key at the end of the log, making room for it where that is needed. */
import type { LogIndex } from './log-index.js';
import type { LogReclaimer } from './log-reclaimer.js';
import type { SegmentChain } from './segment-chain.js';

/** See the file's header. */
export class RecordAppender {
  readonly #index: LogIndex;
  readonly #chain: SegmentChain;
  readonly #reclaimer: LogReclaimer;

  constructor(index: LogIndex, chain: SegmentChain, reclaimer: LogReclaimer) {
    this.#index = index;
    this.#chain = chain;
    this.#reclaimer = reclaimer;
  }

  /**
   * Adds the record of a key's last write to what is written: what superseded an entry of a batch is written with it, so that
   * one of the two is there. False when the log was so full that all of it was given up instead.
   */
  append(key: string): boolean | Promise<boolean> {
    const entry = this.#index.find(key);
    if (entry === undefined || entry.segment !== undefined) return true;
    const body = entry.sealed ?? '';
    const bound = this.#chain.boundOf(entry.key, body);
    if (this.#chain.mustMakeRoom(bound)) return this.#appendWithRoom(key);
    this.#chain.append(entry, body);
    return true;
  }

  async #appendWithRoom(key: string): Promise<boolean> {
    const chain = this.#chain;
    for (;;) {
      await chain.writeOut();
      // While the disk was busy the entry may have been superseded, or its record been made.
      const entry = this.#index.find(key);
      if (entry === undefined || entry.segment !== undefined) return true;
      const body = entry.sealed ?? '';
      const bound = chain.boundOf(entry.key, body);
      if (chain.needsRoom(bound)) {
        if (!(await this.#reclaimer.makeRoom(bound))) return false;
        // Making room may have opened a segment that has room.
        if (chain.needsRoom(bound)) await chain.open();
        if (this.#index.find(key) !== entry) continue;
      }
      chain.append(entry, body);
      return true;
    }
  }
}
