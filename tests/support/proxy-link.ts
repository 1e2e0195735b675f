/** One connection through the proxy: two sockets, and what happens to the bytes between them. */
import type { Socket } from 'node:net';

/** Which way bytes go. */
export type Direction = 'toClient' | 'toServer';

/** The faults in force, shared by all links of a proxy and changed by it. */
export interface LinkConditions {
  isBlackhole: boolean;
  latencyMs: number;
  /** Absent: nothing is cut. */
  cut: { readonly direction: Direction; bytesLeft: number } | undefined;
}

/** Passes bytes on under the conditions of its proxy until either side ends. */
export class ProxyLink {
  readonly #client: Socket;
  readonly #target: Socket | undefined;
  readonly #conditions: LinkConditions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #onClose: () => void;
  #hasLostBytes = false;
  #isOver = false;

  /** @param target absent for a connection accepted in a blackhole: it leads nowhere */
  constructor(client: Socket, target: Socket | undefined, conditions: LinkConditions, onClose: () => void) {
    this.#client = client;
    this.#target = target;
    this.#conditions = conditions;
    this.#onClose = onClose;
    this.#hasLostBytes = target === undefined;
    this.#pump(client, target, 'toServer');
    if (target !== undefined) this.#pump(target, client, 'toClient');
  }

  /** Whether bytes that one side has sent can no longer reach the other. */
  get hasLostBytes(): boolean {
    return this.#hasLostBytes;
  }

  /** Resets both sides at once. */
  reset(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#client.resetAndDestroy();
    this.#target?.resetAndDestroy();
    this.#isOver = true;
    this.#onClose();
  }

  #pump(from: Socket, to: Socket | undefined, direction: Direction): void {
    // In the order of arrival: timers of different lengths end in any order, so each one only lets the next in line go.
    const line: (() => void)[] = [];
    const send = (action: () => void): void => {
      const { latencyMs } = this.#conditions;
      if (latencyMs === 0 && line.length === 0) {
        action();
        return;
      }
      line.push(action);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        line.shift()?.();
      }, latencyMs);
      this.#timers.add(timer);
    };
    from.on('data', (bytes) => {
      send(() => {
        this.#forward(bytes, from, to, direction);
      });
    });
    from.on('end', () => {
      send(() => {
        if (to === undefined) from.end();
        else if (this.#conditions.isBlackhole) this.#hasLostBytes = true;
        else to.end();
      });
    });
    from.on('error', () => undefined);
    from.on('close', (hadError: boolean) => {
      const isAlone = to?.destroyed ?? true;
      if (isAlone && !this.#isOver) {
        this.#isOver = true;
        this.#onClose();
      } else if (hadError && !this.#isOver) {
        // In a blackhole the other side does not get to know that this one is gone.
        if (this.#conditions.isBlackhole) this.#hasLostBytes = true;
        else this.reset();
      }
    });
  }

  #forward(bytes: Buffer, from: Socket, to: Socket | undefined, direction: Direction): void {
    if (this.#isOver) return;
    if (this.#conditions.isBlackhole || to === undefined) {
      this.#hasLostBytes = true;
      return;
    }
    const { cut } = this.#conditions;
    if (cut?.direction === direction) {
      if (bytes.length >= cut.bytesLeft) {
        this.#conditions.cut = undefined;
        this.#cut(bytes.subarray(0, cut.bytesLeft), from, to);
        return;
      }
      cut.bytesLeft -= bytes.length;
    }
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }

  /** Ends in good order on the side that gets the last bytes: a reset could overtake them. */
  #cut(lastBytes: Buffer, from: Socket, to: Socket): void {
    this.#isOver = true;
    this.#onClose();
    from.resetAndDestroy();
    to.end(lastBytes, () => to.destroy());
  }
}
