/** Shows a person at a terminal how far a replay is, in one line that is drawn over and taken away in the end. */
import type { CacheEventMap } from './events.js';

/** Where the line is drawn: `process.stderr`, or what a test puts in its place. */
export interface LineStream {
  /** Whether a person looks at it; absent: no. */
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const CLEAR_LINE = '\r\u001B[2K';

/** See the file's header. */
export class ReplayLine {
  readonly #stream: LineStream;
  readonly #replays = new Map<string, { readonly done: number; readonly all: number }>();

  constructor(stream: LineStream) {
    this.#stream = stream;
  }

  /** Draws what an event says; nothing where no person looks. */
  readonly show = (event: CacheEventMap['replay']): void => {
    if (this.#stream.isTTY !== true) return;
    const done = event.restored + event.invalidated + event.superseded;
    if (event.phase === 'started' || event.phase === 'progress')
      this.#replays.set(event.service, { done, all: done + event.pending });
    else this.#replays.delete(event.service);
    this.#stream.write(CLEAR_LINE + this.#text());
  };

  #text(): string {
    const parts = [...this.#replays].map(([service, { done, all }]) => {
      const percent = all === 0 ? 100 : Math.floor((done / all) * 100);
      return `"${service}" ${done} of ${all} keys (${percent} %)`;
    });
    return parts.length === 0 ? '' : `oxcache replays ${parts.join(', ')}`;
  }
}
