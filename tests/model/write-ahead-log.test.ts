/**
 * The log of a service against a model of it: whatever is written, confirmed and cleared, whenever the disk fails and the
 * process dies, what is found is the last that was written, and never anything older (G7, G8, G14).
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogOutcome } from '../../lib/recovery/log-batch.js';
import type { LogSegment } from '../../lib/recovery/log-segment.js';
import { nodeDisk } from '../../lib/recovery/node-disk.js';
import { FakeClock } from '../../lib/testing/fake-clock.js';
import { FaultyDisk } from '../support/faulty-disk.js';
import { adopt, openBench, seal, type Bench } from '../unit/recovery/log-bench.js';

const root = mkdtempSync(join(tmpdir(), 'ox-model-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const KEYS = 5;
const OFFSET_MS = 7000;

type Command =
  | { readonly do: 'put'; readonly key: number; readonly size: number }
  | { readonly do: 'delete' | 'confirm'; readonly key: number }
  | { readonly do: 'fail'; readonly operation: 'write' | 'create' | 'sync' | 'remove'; readonly isLasting: boolean }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'clear' | 'confirmClear' | 'settle' | 'crash' | 'fill' | 'heal' | 'anchor' };

/** The last write of a key, as far as the model knows it. */
interface Write {
  readonly version: string;
  /** Absent: a deletion. */
  readonly value: string | undefined;
  outcome: LogOutcome | 'pending';
  isConfirmed: boolean;
  /** Whether the log has been settled, on a disk that works, since it was confirmed. */
  isConfirmationSafe: boolean;
}

class Model {
  readonly #folder: string;
  readonly #options: { readonly fsync: 'always' | 'interval' | 'never'; readonly maxBytes: number };
  readonly #clock = new FakeClock();
  #disk = new FaultyDisk(nodeDisk);
  readonly #writes = new Map<string, Write>();
  #pending: Promise<unknown>[] = [];
  #generation = 0;
  #bench!: Bench;
  #isAnchored: boolean;
  #isFaulty = false;
  #hasLostClear = false;
  #count = 0;
  #inheritedBytes = 0;
  #adopted: string[] = [];

  constructor(folder: string, options: { fsync: 'always' | 'interval' | 'never'; maxBytes: number; isAnchored: boolean }) {
    this.#folder = folder;
    this.#options = options;
    this.#isAnchored = options.isAnchored;
  }

  async open(): Promise<void> {
    const { fsync, maxBytes } = this.#options;
    const name = String(++this.#generation);
    const nodeId = `node${name.padStart(3, '0')}`;
    const folder = join(this.#folder, name);
    this.#bench = await openBench(folder, { clock: this.#clock, disk: this.#disk, nodeId, fsync, maxBytes, isUnanchored: true });
    if (this.#isAnchored) this.#anchor();
  }

  async run(command: Command): Promise<void> {
    const { log } = this.#bench;
    switch (command.do) {
      case 'put':
        this.#put(`k${command.key}`, JSON.stringify(`${++this.#count}`.padEnd(command.size, '.')));
        break;
      case 'delete':
        this.#put(`k${command.key}`, undefined);
        break;
      case 'confirm':
        this.#confirm(`k${command.key}`);
        break;
      case 'clear': {
        const version = this.#bench.version();
        const outcome = await log.clear(version);
        // One that is lost is one only as long as this process lives.
        if (outcome === 'lost') this.#hasLostClear = true;
        this.#writes.clear();
        break;
      }
      case 'confirmClear':
        if (this.#isAnchored) await log.confirmInvalidation(log.index.facts.invalidateBefore);
        break;
      case 'settle':
        await this.#settle();
        break;
      case 'crash':
        await this.#crash();
        break;
      case 'fail':
        this.#isFaulty = true;
        if (command.isLasting) this.#disk.failAll(command.operation, 'EIO');
        else this.#disk.failNext(command.operation, 'EIO');
        break;
      case 'fill':
        this.#isFaulty = true;
        this.#disk.limitBytes(500);
        break;
      case 'heal':
        await this.#heal();
        break;
      case 'advance':
        // The disk is real: what it is asked for must not seem to take seconds.
        await Promise.all(this.#pending.splice(0));
        this.#clock.advance(command.ms);
        break;
      case 'anchor':
        if (!this.#isAnchored) this.#anchor();
        this.#isAnchored = true;
        break;
    }
    this.#check();
  }

  async end(): Promise<void> {
    await this.#heal();
    await this.#crash();
    this.#check();
    await this.#bench.log.close();
  }

  #anchor(): void {
    const now = this.#clock.nowMs();
    this.#bench.hybridClock.anchor(now + OFFSET_MS, now, now);
  }

  #put(key: string, value: string | undefined): void {
    this.#clock.advance(1);
    const version = this.#bench.version();
    const write: Write = { version, value, outcome: 'pending', isConfirmed: false, isConfirmationSafe: false };
    this.#writes.set(key, write);
    this.#pending.push(
      this.#bench.log.put(key, seal(version, value), version).then((outcome) => {
        write.outcome = outcome;
      }),
    );
  }

  #confirm(key: string): void {
    const { log } = this.#bench;
    const write = this.#writes.get(key);
    const entry = log.find(key);
    if (!this.#isAnchored || write === undefined || entry === undefined) return;
    log.confirm(key, entry.version);
    write.isConfirmed = true;
    write.isConfirmationSafe = false;
  }

  async #settle(): Promise<void> {
    await this.#bench.log.settle();
    await Promise.all(this.#pending.splice(0));
    if (this.#isFaulty) return;
    for (const write of this.#writes.values()) write.isConfirmationSafe = write.isConfirmed;
  }

  async #heal(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
    this.#disk.heal();
    const { log } = this.#bench;
    for (let attempt = 0; attempt === 0 || (log.diskError !== undefined && attempt < 5); attempt++) {
      this.#clock.advance(1000);
      await log.settle();
    }
    expect(log.diskError).toBeUndefined();
    this.#isFaulty = false;
    await this.#settle();
  }

  /** The process dies, with what is on its way; another one takes the log over, on a disk that works. */
  async #crash(): Promise<void> {
    const dead = this.#bench;
    const isFaulty = this.#isFaulty || dead.log.diskError !== undefined;
    const hasLost = dead.troubles.some(({ kind }) => kind === 'values-given-up' || kind === 'service-invalidated');
    // Without this the dead process would go on writing in this one; what it is told counts only up to here.
    const outcomes = new Map([...this.#writes].map(([key, write]) => [key, { ...write }]));
    await Promise.all(this.#pending.splice(0));
    // The dead write nothing.
    for (const operation of ['write', 'create', 'sync', 'remove', 'truncate'] as const) this.#disk.failAll(operation, 'EIO');
    this.#disk = new FaultyDisk(nodeDisk);
    this.#isFaulty = false;
    this.#clock.advance(1);
    await this.open();
    const adopted = `${dead.folder}.from-dead`;
    await nodeDisk.rename(dead.folder, adopted);
    // Also what that one had taken over, and not done with.
    this.#adopted = [...this.#adopted, adopted].filter((folder) => existsSync(folder));
    const { log, troubles } = this.#bench;
    await adopt(this.#bench, this.#adopted);
    this.#inheritedBytes = log.bytes;
    expect(troubles.filter(({ kind }) => kind !== 'damaged')).toEqual([]);
    const isAllInvalid = log.index.facts.invalidateBefore.version !== '';
    for (const [key, write] of outcomes) {
      const entry = log.find(key);
      const what = { key, ...write, found: entry?.recordVersion, kind: entry?.kind, isFaulty };
      if (entry === undefined) {
        if (!write.isConfirmed && !isAllInvalid && write.outcome !== 'lost' && write.outcome !== 'pending')
          fail('forgotten', what);
        this.#writes.delete(key);
        continue;
      }
      const isLoose = write.outcome === 'lost' || write.outcome === 'pending' || (write.isConfirmed && isFaulty);
      if (entry.recordVersion !== write.version && !isLoose) fail('not the last write', what);
      if (write.isConfirmationSafe && !isFaulty) fail('confirmed', what);
      if (entry.kind === 'dropped') {
        if (write.outcome === 'logged' && !isFaulty && !hasLost) fail('given up', what);
      } else if (!isLoose && log.read(entry)?.toString().slice(80) !== (write.value ?? '')) fail('another value', what);
      this.#writes.set(key, {
        ...write,
        version: entry.recordVersion,
        value: this.#valueOf(key),
        outcome: 'kept',
        isConfirmed: false,
      });
    }
    // What was cleared or never written is not there.
    for (const { key, recordVersion } of log.index.entries()) {
      if (outcomes.has(key)) continue;
      if (!this.#hasLostClear) fail('came back', { key });
      this.#writes.set(key, this.#found(key, recordVersion));
    }
    this.#hasLostClear = false;
  }

  #found(key: string, version: string): Write {
    return { version, value: this.#valueOf(key), outcome: 'kept', isConfirmed: false, isConfirmationSafe: false };
  }

  #valueOf(key: string): string | undefined {
    const { log } = this.#bench;
    const entry = log.find(key);
    return entry?.kind === 'value' ? log.read(entry)?.toString().slice(80) : undefined;
  }

  /** What this process sees at this moment, and what the log costs. */
  #check(): void {
    const { log, troubles } = this.#bench;
    const isAllGivenUp = troubles.some(({ kind }) => kind === 'service-invalidated');
    for (const [key, write] of this.#writes) {
      const entry = log.find(key);
      if (write.isConfirmed) {
        if (entry !== undefined) fail('still there', { key });
      } else if (entry?.recordVersion !== write.version) {
        if (entry !== undefined || !isAllGivenUp) fail('not the last write', { key, ...write, found: entry?.recordVersion });
      } else if (entry.kind === 'value' && this.#valueOf(key) !== write.value) fail('another value', { key });
    }
    const live = new Map<LogSegment, number>();
    let values = 0;
    for (const { segment, length, kind } of log.index.entries()) {
      if (kind === 'value') values++;
      if (segment !== undefined) live.set(segment, (live.get(segment) ?? 0) + length);
    }
    for (const [segment, bytes] of live) expect(segment.liveBytes).toBe(bytes);
    expect(log.index.values).toBe(values);
    expect(log.bytes).toBeLessThanOrEqual(this.#options.maxBytes + this.#inheritedBytes);
  }
}

function fail(what: string, facts: object): never {
  throw new Error(`${what}: ${JSON.stringify(facts)}`);
}

const key = fc.integer({ min: 0, max: KEYS - 1 });
const size = fc.constantFrom(5, 5, 5, 300, 3000, 9000, 26_000);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('confirm' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      operation: fc.constantFrom('write' as const, 'create' as const, 'sync' as const, 'remove' as const),
      isLasting: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 100, 1000, 5000) }) },
  ...(['clear', 'confirmClear', 'anchor', 'fill'] as const).map((name) => ({
    weight: 1,
    arbitrary: fc.record({ do: fc.constant(name) }),
  })),
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

const options = fc.record({
  fsync: fc.constantFrom('always' as const, 'interval' as const, 'never' as const),
  maxBytes: fc.constantFrom(65_536, 1_048_576),
  isAnchored: fc.boolean(),
});

describe('the log against its model (G7, G8, G14)', () => {
  test('after any sequence of writes, confirmations, faults and crashes the last write is found, and nothing older', async () => {
    let runs = 0;
    const property = fc.asyncProperty(options, fc.array(command, { maxLength: 60, size: 'max' }), async (given, commands) => {
      const model = new Model(join(root, String(++runs)), given);
      await model.open();
      for (const each of commands) await model.run(each);
      await model.end();
    });
    await fc.assert(property, { numRuns: Number(process.env['WAL_MODEL_RUNS'] ?? 150), timeout: 5000 });
  });
});
