/** One connection through the proxy: two sockets, a pipe in each direction, and who gets to know when a side is gone. */
import type { Socket } from 'node:net';
import type { Random } from '../base/random.js';
import { ProxyPipe, type PipeFaults } from './proxy-pipe.js';

/** Which way bytes go. */
export type Direction = 'toClient' | 'toServer';

/** The faults in force, by direction. */
export type LinkFaults = Readonly<Record<Direction, PipeFaults>>;

/** What a link is made of. */
export interface LinkParts {
  readonly client: Socket;
  /** Absent for a connection accepted in a blackhole: it leads nowhere. */
  readonly target: Socket | undefined;
  readonly faults: LinkFaults;
  readonly random: Random;
  /** Called once, when both sides are gone. */
  readonly onClose: () => void;
}

/** Passes bytes on under the faults of its proxy until both sides have ended or one has failed. */
export class ProxyLink {
  readonly #parts: LinkParts;
  readonly #pipes: ProxyPipe[] = [];
  #hasLostBytes = false;
  #isOver = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { client, target } = parts;
    this.#hasLostBytes = target === undefined;
    this.#connect(client, target, 'toServer');
    if (target !== undefined) this.#connect(target, client, 'toClient');
  }

  /** Whether something that one side has sent, or its end, can no longer reach the other. */
  get hasLostBytes(): boolean {
    return this.#hasLostBytes;
  }

  /** Looks at the faults again: they have changed. */
  update(): void {
    for (const pipe of this.#pipes) pipe.update();
  }

  /** The faults are over: what waits goes on at once. A stream with a hole in it is reset. */
  release(): void {
    if (this.#hasLostBytes) this.reset();
    else for (const pipe of this.#pipes) pipe.release();
  }

  /** Resets both sides at once. */
  reset(): void {
    this.#finish();
    this.#parts.client.resetAndDestroy();
    this.#parts.target?.resetAndDestroy();
  }

  #connect(from: Socket, to: Socket | undefined, direction: Direction): void {
    const { faults, random } = this.#parts;
    const pipe = new ProxyPipe({
      from,
      to,
      faults: faults[direction],
      random,
      onLoss: () => {
        this.#hasLostBytes = true;
      },
      onCut: (lastBytes) => {
        if (to !== undefined) this.#cut(lastBytes, from, to);
      },
    });
    this.#pipes.push(pipe);
    from.on('error', () => undefined);
    from.on('close', (hadError: boolean) => {
      if (this.#isOver) return;
      if (to?.destroyed ?? true) this.#finish();
      else if (hadError) {
        // What is swallowed in this direction includes the news that this side is gone.
        if (faults[direction].isSwallowed) this.#hasLostBytes = true;
        else this.reset();
      }
    });
  }

  /** Ends in good order on the side that gets the last bytes: a reset could overtake them. */
  #cut(lastBytes: Buffer, from: Socket, to: Socket): void {
    this.#finish();
    from.resetAndDestroy();
    to.end(lastBytes, () => to.destroy());
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const pipe of this.#pipes) pipe.stop();
    this.#parts.onClose();
  }
}
