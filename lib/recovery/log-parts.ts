/** What the log of a service needs from outside. */
import type { Clock } from '../base/clock.js';
import type { HybridClock } from '../base/hybrid-clock.js';
import type { Random } from '../base/random.js';
import type { LogDisk } from './log-disk.js';
import type { LogTrouble } from './log-trouble.js';
import type { OpenFiles } from './open-files.js';

/** See the file's header. */
export interface WriteAheadLogParts {
  readonly disk: LogDisk;
  /** Its own folder; `undefined` when none could be made: nothing can be logged then. */
  readonly folder: string | undefined;
  /** Makes that folder, with what shows that its owner lives, where it is missing. @throws the system's error */
  readonly makeFolder: () => Promise<void>;
  /** The files that are open, in all logs of the manager. */
  readonly openFiles: OpenFiles;
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  readonly random: Random;
  readonly fsync: 'always' | 'interval' | 'never';
  readonly fsyncIntervalMs: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** What the service's entries begin with. */
  readonly formatTag: string;
  /** Facts about whose log this is, for people who look into the file. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly onTrouble: (trouble: LogTrouble) => void;
  /** The write of a key was taken over from a process that is gone. */
  readonly onAdopted: (key: string, version: string) => void;
}
