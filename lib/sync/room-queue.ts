/** Those who wait until there is room for one more write, in their order. */

/** See the file's header. */
export class RoomQueue {
  #actions: (() => void)[] = [];
  /** Those before it have run. */
  #from = 0;

  /** How many wait. */
  get size(): number {
    return this.#actions.length - this.#from;
  }

  /** Puts an action at the end. */
  push(action: () => void): void {
    this.#actions.push(action);
  }

  /** Runs actions as long as there is room. */
  admit(hasRoom: () => boolean): void {
    while (this.#from < this.#actions.length && hasRoom()) (this.#actions[this.#from++] as () => void)();
    // The part that has run is cut off when it is the larger half, so that cutting costs a constant per action.
    if (this.#from * 2 <= this.#actions.length) return;
    this.#actions = this.#actions.slice(this.#from);
    this.#from = 0;
  }

  /** Runs all of them, room or not; those that come in meanwhile wait. */
  admitAll(): void {
    const actions = this.#actions.splice(0).slice(this.#from);
    this.#from = 0;
    for (const action of actions) action();
  }
}
