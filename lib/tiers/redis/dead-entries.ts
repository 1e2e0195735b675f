/**
 * Frees the memory of what a clear has made invisible: goes through the service's entries and unlinks those that are older,
 * a chunk at a time, so that neither Redis nor this process is held up. Nobody waits for it, nor depends on it: what it does
 * not get to expires by itself.
 *
 * One run at a time, for the newest clear; a run that Redis cut short is begun again after a pause.
 */
import { atMost } from '../../base/deadline.js';
import type { Clock } from '../../base/clock.js';
import { slotTagOf, type KeySpace } from './key-space.js';
import type { RedisConnection } from './redis-connection.js';
import { unavailable } from './redis-errors.js';
import { removeOlder } from './entry-scripts.js';

/** Entries looked at in one step. */
const CHUNK = 500;

/** How long a clear waits for it. */
const PATIENCE_MS = 250;

/** Pauses before another attempt: they grow from the first to the last. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

/** What it needs. */
export interface DeadEntriesParts {
  readonly connection: RedisConnection;
  readonly keySpace: KeySpace;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The latest time a version may have: what is beyond was made by a broken clock. */
  readonly acceptsUntilMs: () => number;
}

/** See the file's header. */
export class DeadEntries {
  readonly #parts: DeadEntriesParts;
  #version = '';
  #running: Promise<void> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isClosed = false;
  #cancelRetry: () => void = () => undefined;

  constructor(parts: DeadEntriesParts) {
    this.#parts = parts;
  }

  /**
   * Removes what is older than `version`, in the background. Resolves when that is done, or after {@link PATIENCE_MS}: whoever
   * clears a service of a usual size finds it empty. Never rejects.
   */
  async removeSoon(version: string): Promise<void> {
    if (version > this.#version) this.#version = version;
    this.#begin();
    await atMost(this.#parts.clock, PATIENCE_MS, this.#running ?? Promise.resolve());
  }

  /**
   * Removes what is older than `version`; resolves when it is gone.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async remove(version: string): Promise<void> {
    for (const node of this.#parts.connection.masters()) {
      let cursor = '0';
      do {
        const args = [cursor, 'MATCH', this.#parts.keySpace.pattern, 'COUNT', String(CHUNK)];
        const [next, names] = await node.send<[string, string[]]>('scan', args, this.#parts.timeoutMs).catch((error: unknown) => {
          throw unavailable(error);
        });
        cursor = next;
        await this.#removeNames(names, version);
      } while (cursor !== '0' && !this.#isClosed);
    }
  }

  /** Stops after the chunk under way. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
  }

  #begin(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    this.#cancelRetry();
    const version = this.#version;
    this.#running = this.remove(version).then(
      () => {
        this.#end(FIRST_PAUSE_MS);
        if (this.#version !== version) this.#begin();
      },
      () => {
        const pauseMs = this.#pauseMs;
        this.#end(Math.min(pauseMs * 2, MAX_PAUSE_MS));
        if (this.#isClosed) return;
        this.#cancelRetry = this.#parts.clock.schedule(() => {
          this.#begin();
        }, pauseMs);
      },
    );
  }

  #end(pauseMs: number): void {
    this.#running = undefined;
    this.#pauseMs = pauseMs;
  }

  /** In a cluster one script call for each bucket among them; Redis may also find more names in one step than asked for. */
  async #removeNames(names: readonly string[], version: string): Promise<void> {
    const { connection, keySpace, timeoutMs } = this.#parts;
    const line = { version, latestMs: this.#parts.acceptsUntilMs(), formatTag: keySpace.formatTag };
    const groups = new Map<string, string[]>();
    for (const name of names) {
      const tag = keySpace.isBucketed ? slotTagOf(name) : '';
      const group = groups.get(tag);
      if (group === undefined) groups.set(tag, [name]);
      else group.push(name);
    }
    for (const group of groups.values()) {
      for (let from = 0; from < group.length; from += CHUNK) {
        await removeOlder(connection, group.slice(from, from + CHUNK), line, timeoutMs);
      }
    }
  }
}
