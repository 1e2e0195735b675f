/** Writes that share one commit of the log, and what they are told of it. */
import type { LogEntry } from './log-entry.js';

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
