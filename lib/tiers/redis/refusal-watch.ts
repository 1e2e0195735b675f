/**
 * What the answers over one connection say about the server beside the answers themselves: that it refuses commands, and that it
 * carries out again what it had refused for good. Success as such is only counted, by the connection.
 */
import type { ConnectionEvent } from './connection-monitor.js';
import { isDenial, isDenialOf, isReplyError, nameDenied, refusalIn, type Failure } from './redis-errors.js';
import { commandsInScript, subjectOf } from './script-commands.js';
import { argumentsOf } from './server-text.js';

/** The subject of refusals of single writes, which are found in the reply of a script. */
const WRITES = 'writes';

/** See the file's header. */
export class RefusalWatch {
  readonly #tell: (event: ConnectionEvent) => void;
  /** What was refused for good, and not carried out since. Bounded by what the library sends. */
  readonly #denied = new Set<string>();

  constructor(tell: (event: ConnectionEvent) => void) {
    this.#tell = tell;
  }

  /** Whether a command was refused for good and not carried out since: only then need {@link answered} be called. */
  get isAlert(): boolean {
    return this.#denied.size > 0;
  }

  /** Whether a write was. */
  get awaitsWrite(): boolean {
    return this.#denied.has(WRITES);
  }

  /** A command was carried out. */
  answered(name: string, script: unknown): void {
    const subject = subjectOf(name, script);
    this.#allow(subject);
    if (subject !== name) this.#allow(name);
  }

  /** A command failed. */
  failed(error: unknown, name: string, script: unknown): void {
    if (!isReplyError(error)) {
      this.#tell({ type: 'lost' });
      return;
    }
    const failure = refusalIn(error.message, argumentsOf(error));
    if (failure === undefined) return;
    // Where the command that runs scripts is refused, all scripts are; each of them shows that it is carried out again.
    const subject = isDenialOf(failure, name) ? name : subjectOf(name, script);
    this.#refuse(nameDenied(failure, name, commandsInScript(name, script)), subject);
  }

  /** A script's reply says that a write was refused. @param commands those that the script calls */
  writeRefused(refusal: string, commands: readonly string[]): void {
    const failure = refusalIn(refusal);
    if (failure !== undefined) this.#refuse(nameDenied(failure, 'evalsha', commands), WRITES);
  }

  /** A script's reply says that a value was written. */
  writeAccepted(): void {
    this.#tell({ type: 'accepted' });
    this.#allow(WRITES);
  }

  #refuse(failure: Failure, subject: string): void {
    if (isDenial(failure.code)) this.#denied.add(subject);
    this.#tell({ type: 'refused', failure, subject });
  }

  #allow(subject: string): void {
    if (this.#denied.delete(subject)) this.#tell({ type: 'allowed', subject });
  }
}
