/**
 * One direction of one connection through the proxy. Bytes arrive, wait in a line for as long as the faults in force demand,
 * and leave in the order they came. The line is bounded: when it is full the sender is not read any further (back-pressure),
 * as it is when the receiver does not keep up.
 */
import type { Socket } from 'node:net';
import { systemClock } from '../base/clock.js';
import type { Random } from '../base/random.js';

/** Only so many bytes at a time, with a pause after each time. */
export interface Drip {
  readonly bytes: number;
  readonly everyMs: number;
}

/** The faults in force in one direction, shared by all connections of a proxy and changed by it. */
export interface PipeFaults {
  isSwallowed: boolean;
  latencyMs: number;
  jitterMs: number;
  /** Absent: no drip. */
  drip: Drip | undefined;
  /** Absent: nothing is cut. */
  cutAfterBytes: number | undefined;
}

/** What a pipe connects, and whom it tells. */
export interface PipeParts {
  readonly from: Socket;
  /** Absent: the connection leads nowhere, all bytes are lost. */
  readonly to: Socket | undefined;
  readonly faults: PipeFaults;
  readonly random: Random;
  /** Bytes, or the sender's end, can no longer reach the receiver. */
  readonly onLoss: () => void;
  /** The connection is to end with these bytes. */
  readonly onCut: (lastBytes: Buffer) => void;
}

/** What waits in line; without bytes it is the sender's end. */
interface Waiting {
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

/** A line of this many bytes is full, but for the chunk that fills it. The sender is read again when it is half empty. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** See the file's header. */
export class ProxyPipe {
  readonly #parts: PipeParts;
  #line: Waiting[] = [];
  #waitingBytes = 0;
  #nextDripMs = 0;
  #isPaused = false;
  #isStopped = false;
  #cancelTimer: () => void = () => undefined;

  constructor(parts: PipeParts) {
    this.#parts = parts;
    parts.from.on('data', (bytes) => {
      this.#enqueue(bytes);
    });
    parts.from.on('end', () => {
      this.#enqueue(undefined);
    });
    parts.to?.on('drain', () => {
      this.#pump();
    });
  }

  /** Looks at the faults again: they have changed. */
  update(): void {
    this.#pump();
  }

  /** Lets what waits go at once: the faults are over. */
  release(): void {
    this.#line = this.#line.map(({ bytes }) => ({ bytes, dueMs: 0 }));
    this.#nextDripMs = 0;
    this.#pump();
  }

  /** Forgets what waits; nothing is passed on from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#line = [];
    this.#waitingBytes = 0;
  }

  #enqueue(bytes: Buffer | undefined): void {
    if (this.#isStopped) return;
    const { faults, random, from } = this.#parts;
    const delayMs = faults.latencyMs + (faults.jitterMs === 0 ? 0 : random() * faults.jitterMs);
    this.#line.push({ bytes, dueMs: delayMs === 0 ? 0 : systemClock.nowMs() + delayMs });
    this.#waitingBytes += bytes?.length ?? 0;
    this.#pump();
    if (this.#waitingBytes >= MAX_WAITING_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      from.pause();
    }
  }

  #pump(): void {
    this.#cancelTimer();
    const { faults, to, onLoss } = this.#parts;
    // Only ever the head: what is due earlier because the latency has shrunk waits behind it, and the order is kept.
    for (let head = this.#line[0]; head !== undefined; head = this.#line[0]) {
      if (to === undefined || to.destroyed || faults.isSwallowed) {
        this.#take(head, head.bytes?.length ?? 0);
        onLoss();
        continue;
      }
      if (to.writableNeedDrain) return;
      const readyMs = faults.drip === undefined ? head.dueMs : Math.max(head.dueMs, this.#nextDripMs);
      const waitMs = readyMs === 0 ? 0 : readyMs - systemClock.nowMs();
      if (waitMs > 0) {
        this.#cancelTimer = systemClock.schedule(() => {
          this.#pump();
        }, waitMs);
        return;
      }
      this.#deliver(head, to);
    }
  }

  #deliver(head: Waiting, to: Socket): void {
    const { faults, onCut } = this.#parts;
    if (head.bytes === undefined) {
      this.#take(head, 0);
      to.end();
      return;
    }
    const { drip, cutAfterBytes } = faults;
    const count = Math.min(head.bytes.length, drip?.bytes ?? Infinity, cutAfterBytes ?? Infinity);
    const bytes = head.bytes.subarray(0, count);
    this.#take(head, count);
    if (drip !== undefined) this.#nextDripMs = systemClock.nowMs() + drip.everyMs;
    if (cutAfterBytes !== undefined) {
      faults.cutAfterBytes = count === cutAfterBytes ? undefined : cutAfterBytes - count;
      if (faults.cutAfterBytes === undefined) {
        onCut(bytes);
        return;
      }
    }
    to.write(bytes);
  }

  /** Takes so many bytes from the head of the line. */
  #take(head: Waiting, count: number): void {
    if (head.bytes === undefined || count === head.bytes.length) this.#line.shift();
    else this.#line[0] = { bytes: head.bytes.subarray(count), dueMs: head.dueMs };
    this.#waitingBytes -= count;
    if (this.#isPaused && this.#waitingBytes <= MAX_WAITING_BYTES / 2) {
      this.#isPaused = false;
      this.#parts.from.resume();
    }
  }
}
