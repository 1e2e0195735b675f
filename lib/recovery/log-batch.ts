/** Writes that share one commit of the log, and what they are told of it. */
import type { LogConfirmations } from './log-confirmations.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';

/**
 * What became of a write: `logged`, its value survives a crash; `kept`, its value was given up but its key will be
 * invalidated, also after a crash; `lost`, that holds only while this process lives.
 */
export type LogOutcome = 'logged' | 'kept' | 'lost';

/** See the file's header. */
export class LogBatch {
  /** By key: of several writes of a key only the last one is written. */
  readonly entries = new Map<string, LogEntry>();
  /** Resolves to what became of all of them. */
  readonly done: Promise<LogOutcome>;
  /** Tells them. */
  end: (outcome: LogOutcome) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve) => {
      this.end = resolve;
    });
  }
}

/** Gives up the values of a batch: how many there were, and whether the disk has, or may have, older records of its keys. */
export function giveUpValues(
  batch: LogBatch,
  index: LogIndex,
  confirmations: LogConfirmations,
): { readonly count: number; readonly isShadowing: boolean } {
  let count = 0;
  let isShadowing = false;
  for (const entry of batch.entries.values()) {
    isShadowing ||= confirmations.mayBeUnsaid(entry.key) || index.find(entry.key)?.isShadowing === true;
    if (!index.has(entry) || entry.segment !== undefined) continue;
    index.dropValue(entry);
    count++;
  }
  return { count, isShadowing };
}
