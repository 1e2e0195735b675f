/**
 * The n-th thing the disk is asked for fails, for every n: nothing throws, every write is told the truth, and a crash at any
 * moment afterwards leaves what was told (G7, G14).
 */
import { describe, expect, jest, test } from '@jest/globals';
import type { LogDisk, LogFile } from '../../lib/recovery/log-disk.js';
import { nodeDisk } from '../../lib/recovery/node-disk.js';
import type { LogOutcome } from '../../lib/recovery/log-batch.js';
import { useTemporaryFolder } from '../support/temporary-folder.js';
import { openBench, outlast, seal, takeOver, type Bench } from '../unit/recovery/log-bench.js';

// Hundreds of crashes each, on a disk that is asked for real, which takes its time on a busy machine.
jest.setTimeout(300_000);

const folder = useTemporaryFolder();

const CHANGING = ['write', 'create', 'sync', 'truncate', 'remove', 'rename', 'syncFolder'];

const FORCING = ['sync', 'syncFolder'];

/** Fails at one of the calls that change something, or at all from there on. A write that fails leaves its first half. */
class FailingDisk {
  readonly #code: string;
  /** What the path has to end with. */
  readonly #ending: string;
  #failsAt: number;
  #isForGood: boolean;
  calls = 0;

  constructor(failsAt: number, code: string, isForGood: boolean, ending = '') {
    this.#failsAt = failsAt;
    this.#code = code;
    this.#isForGood = isForGood;
    this.#ending = ending;
  }

  heal(): void {
    this.#isForGood = false;
    this.#failsAt = Infinity;
  }

  wrap<T extends LogDisk | LogFile>(target: T, path = ''): T {
    return new Proxy(target, {
      get: (object, name) => {
        const method: unknown = Reflect.get(object, name);
        if (typeof method !== 'function') return method;
        if (name === 'readSync' || name === 'openSync') return method.bind(object) as unknown;
        return async (...args: unknown[]): Promise<unknown> => {
          const place = path === '' ? String(args[0]) : path;
          if (CHANGING.includes(String(name)) && place.endsWith(this.#ending) && this.#isFailure()) {
            const [bytes, position] = args;
            if (name === 'write')
              await (method.call(object, (bytes as Buffer).subarray(0, (bytes as Buffer).length / 2), position) as Promise<void>);
            throw Object.assign(new Error(`${this.#code}: ${String(name)}`), { code: this.#code });
          }
          // The death of a process loses no page of a file: forced or not, it is there. Forcing it takes what the machine takes.
          if (FORCING.includes(String(name))) return;
          const result = await (method.apply(object, args) as Promise<unknown>);
          return name === 'create' || name === 'open' ? this.wrap(result as LogFile, place) : result;
        };
      },
    });
  }

  #isFailure(): boolean {
    this.calls++;
    return this.calls === this.#failsAt || (this.#isForGood && this.calls > this.#failsAt);
  }
}

/** The last that was done to a key, and what was said of it. */
interface Told {
  readonly version: string;
  readonly value: string | undefined;
  readonly outcome: LogOutcome | 'confirmed';
}

const KEYS = 9;
const STEPS = 44;

/** Writes, deletions, confirmations, a clear; a log so small that it has to make room. */
async function work(bench: Bench): Promise<{ told: Map<string, Told>; cleared: string }> {
  const { log, clock } = bench;
  const told = new Map<string, Told>();
  let cleared = '';
  for (let step = 0; step < STEPS; step++) {
    const key = `key ${(step * 5) % KEYS}`;
    clock.advance(60);
    if (step === 30) {
      const version = bench.version();
      if ((await log.clear(version)) === 'logged') {
        cleared = version;
        told.clear();
      }
    } else if (step % 8 === 5) {
      const last = told.get(key);
      if (last !== undefined) {
        log.confirm(key, last.version);
        told.set(key, { ...last, outcome: 'confirmed' });
        if (step % 16 === 5) await log.settle();
      }
    } else {
      const version = bench.version();
      const value = step % 6 === 4 ? undefined : JSON.stringify(String(step).padEnd(step % 3 === 0 ? 6000 : 900, '.'));
      const outcome = await log.put(key, seal(version, value), version);
      told.set(key, { version, value, outcome });
      expect(log.find(key)?.version).toBe(version);
    }
  }
  return { told, cleared };
}

/** What the process finds that takes over, held against what was told. */
async function check(bench: Bench, { told, cleared }: { told: Map<string, Told>; cleared: string }): Promise<void> {
  const isGivenUp = bench.troubles.some(({ kind }) => kind === 'values-given-up' || kind === 'service-invalidated');
  const last = bench.troubles.filter(({ kind }) => kind === 'disk-failed' || kind === 'disk-recovered').at(-1);
  const isTroubled = last?.kind === 'disk-failed';
  const heir = await takeOver(bench);
  const { invalidateBefore } = heir.log.index.facts;
  if (cleared !== '') expect(invalidateBefore.version >= cleared).toBe(true);
  for (const [key, { version, value, outcome }] of told) {
    const entry = heir.log.find(key);
    const found = entry?.kind === 'value' ? heir.log.read(entry)?.toString().slice(80) : undefined;
    const isInvalidated = invalidateBefore.version > version || (entry?.kind === 'dropped' && entry.version >= version);
    const isThere = entry?.version === version && (entry.kind === 'deletion' ? value === undefined : found === value);
    const what = JSON.stringify({ key, version, outcome, found: entry && { kind: entry.kind, version: entry.version } });
    // A disk that takes nothing at all cannot be told what Redis has confirmed either.
    if (outcome === 'lost' || (outcome === 'confirmed' && isTroubled)) continue;
    if (entry !== undefined && entry.version < version) throw new Error(`older: ${what}`);
    if (outcome === 'confirmed') continue;
    if (!isThere && !isInvalidated) throw new Error(`forgotten: ${what}`);
    if (outcome === 'logged' && !isThere && !isGivenUp && !isTroubled) throw new Error(`given up: ${what}`);
  }
  await heir.log.close();
}

const SMALL = { maxBytes: 65_536 };

/** How many calls there are to fail. */
async function countCalls(path: string, fsync: 'always' | 'never', ending: string): Promise<number> {
  const disk = new FailingDisk(Infinity, '', false, ending);
  const bench = await openBench(`${path}/healthy`, { ...SMALL, disk: disk.wrap(nodeDisk), fsync });
  await check(bench, await work(bench));
  await bench.log.close();
  return disk.calls;
}

/** Runs the work once for every call that can fail. */
async function forEachCall(
  { code, isForGood, fsync = 'never', ending = '' }: Faults,
  run: (bench: Bench, disk: FailingDisk) => Promise<void>,
): Promise<void> {
  const { path } = folder;
  const calls = await countCalls(path, fsync, ending);
  expect(calls).toBeGreaterThan(40);
  for (let n = 1; n <= calls; n++) {
    const disk = new FailingDisk(n, code, isForGood, ending);
    const bench = await openBench(`${path}/${n}`, { ...SMALL, disk: disk.wrap(nodeDisk), fsync });
    try {
      await run(bench, disk);
    } catch (error) {
      throw new Error(`call ${n} of ${calls}`, { cause: error });
    }
    await outlast(bench, bench.log.close());
  }
}

interface Faults {
  readonly code: string;
  readonly isForGood: boolean;
  readonly fsync?: 'always' | 'never';
  /** Of the paths at which calls fail. */
  readonly ending?: string;
}

describe('a crash finds what was told, whichever call of the disk fails (G7, G14)', () => {
  test.each([
    ['once', { code: 'ENOSPC', isForGood: false }],
    ['once, with every write forced to the disk', { code: 'EIO', isForGood: false, fsync: 'always' }],
    ['from then on', { code: 'ENOSPC', isForGood: true }],
    ['from then on, with every write forced to the disk', { code: 'EIO', isForGood: true, fsync: 'always' }],
    ['from then on, but for the control file, which needs no room', { code: 'ENOSPC', isForGood: true, ending: '.wal' }],
  ] as const)('%s', async (_, faults) => {
    await forEachCall(faults, async (bench) => {
      await check(bench, await work(bench));
    });
  });

  test('and once the disk is well again, everything is logged again, what was kept in memory too, and nothing more is invalidated', async () => {
    await forEachCall({ code: 'ENOSPC', isForGood: true }, async (bench, disk) => {
      const result = await work(bench);
      const hasFailed = bench.troubles.some(({ kind }) => kind === 'disk-failed');
      disk.heal();
      bench.clock.advance(1000);
      await bench.log.settle();
      const version = bench.version();
      expect(await bench.log.put('new', seal(version, '"new"'), version)).toBe('logged');
      expect(bench.log.diskError).toBeUndefined();
      if (hasFailed) expect(bench.troubles.at(-1)).toEqual({ kind: 'disk-recovered' });
      const kept = [...bench.log.index.entries()].map(({ key, version, kind }) => ({ key, version, kind }));
      const { facts } = bench.log.index;
      // What was told when the disk failed is true all the more: it is logged now, if only as what it is known as.
      const heir = await takeOver(bench);
      expect(heir.log.index.facts).toEqual(facts);
      for (const { key, version, kind } of kept) {
        const entry = heir.log.find(key);
        expect({ key, version: entry?.version }).toEqual({ key, version });
        if (kind === 'value') expect(entry?.kind).toBe('value');
      }
      for (const [key, told] of result.told) if (told.outcome === 'confirmed') expect(heir.log.find(key)).toBeUndefined();
      await heir.log.close();
    });
  });
});
