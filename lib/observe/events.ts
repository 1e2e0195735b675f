/**
 * Every event of the library in one typed map. Payloads name the service and never carry a value, a password or a URL.
 */
import type { CacheError } from '../base/errors.js';

/** The tier an event is about. */
export type TierName = 'l1' | 'l2';

/**
 * Where a write is beyond L1: in Redis (`written`), in the log, to be replayed (`logged`), on its way (`queued`), or nowhere
 * (`none`).
 */
export type WriteResult = 'written' | 'logged' | 'queued' | 'none';

/** Event names and their payloads. */
export interface CacheEventMap {
  /** A read was answered from a tier. */
  hit: { readonly service: string; readonly key: string; readonly tier: TierName; readonly stale: boolean };
  /** A read found nothing in any tier it asked. */
  miss: { readonly service: string; readonly key: string };
  /** A loader ended. `error` is absent when it succeeded. */
  load: {
    readonly service: string;
    readonly key: string;
    readonly durationMs: number;
    readonly background: boolean;
    readonly error?: unknown;
  };
  /** A value was written. */
  write: { readonly service: string; readonly key: string; readonly l1: boolean; readonly l2: WriteResult };
  /** A key was deleted. */
  delete: { readonly service: string; readonly key: string; readonly existed: boolean };
  /** An entry left L1 before its time was up (`capacity`, `bytes`) or after it (`expired`). */
  evict: { readonly service: string; readonly key: string; readonly reason: 'capacity' | 'bytes' | 'expired' };
  /** An L2 entry was copied to L1. */
  promote: { readonly service: string; readonly key: string; readonly ttlMs: number };
  /**
   * What L1 held was dropped for more than a write of this process's own. `clear`: the service was cleared, by this process or another
   * one. `log-full`: all entries, because the log could not hold more keys. `tags`: what has one of `tags`, invalidated by this
   * process. `remote`: another process wrote `keys` or invalidated `tags`. `link`: everything, because messages of other processes
   * may have been missed.
   */
  invalidate: {
    readonly service: string;
    readonly reason: 'clear' | 'log-full' | 'tags' | 'remote' | 'link';
    readonly keys?: readonly string[];
    readonly tags?: readonly string[];
  };
  /** Redis can't be used from now on; calls go on without it. */
  degrade: { readonly service: string; readonly reason: string };
  /** Redis can be used again. */
  recover: { readonly service: string; readonly downMs: number };
  /**
   * Redis is being told what was logged while it was away: `interrupted` replays go on later. Counts are since the replay
   * began; `pending` keys are still in the log.
   */
  replay: {
    readonly service: string;
    readonly phase: 'started' | 'progress' | 'finished' | 'interrupted';
    readonly restored: number;
    readonly invalidated: number;
    readonly superseded: number;
    readonly pending: number;
    readonly durationMs: number;
  };
  /** Something failed that did not fail a call, or could not: an undecodable entry, a failed background write or reload. */
  error: {
    readonly service: string;
    readonly key?: string;
    readonly error: CacheError;
    readonly background: boolean;
    /** Of a call about many keys, which is reported once: how many could not be read, of how many. */
    readonly failed?: number;
    readonly asked?: number;
  };
}

/**
 * The names of all events.
 *
 * @example
 * for (const name of CACHE_EVENTS) manager.on(name, (payload) => console.debug(name, payload));
 */
export const CACHE_EVENTS = [
  'hit',
  'miss',
  'load',
  'write',
  'delete',
  'evict',
  'promote',
  'invalidate',
  'degrade',
  'recover',
  'replay',
  'error',
] as const satisfies readonly (keyof CacheEventMap)[];

/** The name of an event: those of the list, so that an event that is missing there cannot be emitted. */
export type CacheEventName = (typeof CACHE_EVENTS)[number];
