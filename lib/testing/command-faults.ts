/** Which fault a command meets when it reaches the faulty tier: the switches, and the order in which they are asked. */

/** Decides about one command: the text of the error Redis refuses it with, or `undefined` to let it pass. */
export type CommandMatcher = (name: string, args: readonly (string | Buffer)[]) => string | undefined;

/**
 * What happens to a command: it is carried out, refused with an error text, taken without being carried out or answered, or
 * carried out without being answered.
 */
export type CommandFate = 'pass' | { readonly refusal: string } | 'ignore' | 'lose-answer';

/** See the file's header. */
export class CommandFaults {
  #general: CommandFate = 'pass';
  #matcher: CommandMatcher | undefined;
  #next: { readonly refusal: string; left: number } | undefined;
  /** How long each command takes to arrive. */
  delayMs = 0;

  /** What happens to every command that no other switch is about. */
  setGeneral(fate: CommandFate): void {
    this.#general = fate;
  }

  /** Refuses those commands for which `matcher` returns a text. */
  setMatcher(matcher: CommandMatcher): void {
    this.#matcher = matcher;
  }

  /** Refuses the next `count` commands, whatever the other switches say. */
  setNext(count: number, refusal: string): void {
    this.#next = { refusal, left: count };
  }

  /** Whether Redis says nothing at all, not even to its subscribers. */
  get isSilent(): boolean {
    return this.#general === 'ignore' || this.#general === 'lose-answer';
  }

  /** Ends all of them. */
  clear(): void {
    this.#general = 'pass';
    this.#matcher = undefined;
    this.#next = undefined;
    this.delayMs = 0;
  }

  /** Decides about a command that arrives. @throws what the matcher throws, and a TypeError when it returns something else */
  decide(name: string, args: readonly (string | Buffer)[]): CommandFate {
    if (this.#next !== undefined && this.#next.left > 0) {
      this.#next.left--;
      return { refusal: this.#next.refusal };
    }
    const refusal: unknown = this.#matcher?.(name, args);
    if (refusal === undefined) return this.#general;
    if (typeof refusal !== 'string') throw new TypeError('Expected the function of `failMatching` to return a text or undefined');
    return { refusal };
  }
}
