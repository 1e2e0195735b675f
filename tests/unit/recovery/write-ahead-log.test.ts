/** The log of one service: what is found again, what survives, what it costs (G7, G8, G14). */
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DISK_DEADLINE_MS } from '../../../lib/recovery/disk-deadline.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { FaultyDisk, type AsyncDiskOperation } from '../../support/faulty-disk.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { adopt, openBench, outlast, seal, takeOver, type Bench } from './log-bench.js';

const folder = useTemporaryFolder();

const SMALL_BYTES = 65_536;
/** What deadlines are stretched by on a busy machine, where steps of the clock look like pauses of the process. */
const SLOW_MS = 2500;

function put(bench: Bench, key: string, value: string | undefined, version = bench.version()): Promise<string> {
  return bench.log.put(key, seal(version, value), version);
}

function valueOf({ log }: Bench, key: string): string | undefined {
  const entry = log.find(key);
  return entry === undefined ? undefined : log.read(entry)?.toString().slice(80);
}

function segmentsIn(path: string): string[] {
  return readdirSync(path).filter((name) => name.endsWith('.wal'));
}

function bytesIn(path: string): number {
  return readdirSync(path).reduce((bytes, name) => bytes + statSync(join(path, name)).size, 0);
}

describe('what is in the log', () => {
  test('is found from the call on, before the disk has it and after (G8)', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    const done = put(bench, 'k', '"one"');
    expect(valueOf(bench, 'k')).toBe('"one"');
    expect(await done).toBe('logged');
    expect(bench.log.find('k')?.sealed).toBeUndefined();
    expect(valueOf(bench, 'k')).toBe('"one"');
    await put(bench, 'k', undefined);
    expect(bench.log.find('k')?.kind).toBe('deletion');
    await bench.log.close();
  });

  test('an older write changes nothing, and is told `logged` only when the newer one is', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    const older = bench.version();
    const newer = bench.version();
    disk.hang('create');
    const told: string[] = [];
    const puts = [put(bench, 'k', '"new"', newer), put(bench, 'k', '"old"', older).then((outcome) => told.push(outcome))];
    expect(valueOf(bench, 'k')).toBe('"new"');
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(told).toEqual([]);
    disk.release();
    await Promise.all(puts);
    expect(told).toEqual(['logged']);
    expect(valueOf(bench, 'k')).toBe('"new"');
    await bench.log.close();
  });

  test('a write that is superseded while it waits is acknowledged only when what superseded it is on the disk (G7)', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    disk.hang('create');
    const first = put(bench, 'k', '"first"');
    while (!disk.operations.some(({ path, operation }) => operation === 'create' && path.endsWith('.wal')))
      await new Promise(setImmediate);
    const second = put(bench, 'k', '"second"');
    disk.release();
    expect(await first).toBe('logged');
    const [name = ''] = segmentsIn(bench.folder);
    const bytes = readFileSync(join(bench.folder, name), 'latin1');
    expect(bytes).toContain('"second"');
    expect(bytes).not.toContain('"first"');
    expect(await second).toBe('logged');
    await bench.log.close();
  });

  test("all files are their owner's only, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const bench = await openBench(join(folder.path, 'log'));
      await put(bench, 'k', '"v"');
      const names = readdirSync(bench.folder);
      expect(names).toHaveLength(2);
      for (const name of names) expect(statSync(join(bench.folder, name)).mode & 0o777).toBe(0o600);
      await nodeDisk.makeFolder(join(folder.path, 'a', 'b'));
      for (const path of ['a', 'a/b']) expect(statSync(join(folder.path, path)).mode & 0o777).toBe(0o700);
      await bench.log.close();
    } finally {
      process.umask(before);
    }
  });

  test('nothing is left of a log of which Redis has everything', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    const version = bench.version();
    await put(bench, 'k', '"v"', version);
    bench.log.confirm('k', version);
    await bench.log.close();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('a write after the end is told that it is lost', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    await bench.log.close();
    expect(await put(bench, 'k', '"v"')).toBe('lost');
  });
});

describe('what the next process finds (G7)', () => {
  test('the last write of each key, and what was cleared stays cleared', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    await put(bench, 'cleared', '"old"');
    const clear = bench.version();
    expect(await bench.log.clear(clear)).toBe('logged');
    await Promise.all([put(bench, 'a', '"1"'), put(bench, 'a', '"2"'), put(bench, 'b', undefined)]);
    const heir = await takeOver(bench);
    expect(valueOf(heir, 'a')).toBe('"2"');
    expect(heir.log.find('b')?.kind).toBe('deletion');
    expect(heir.log.find('cleared')).toBeUndefined();
    expect(heir.log.index.facts.invalidateBefore).toEqual({ version: clear, isLocalTime: false });
    await heir.log.close();
  });

  test('not what Redis has confirmed', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    const version = bench.version();
    await put(bench, 'a', '"1"', version);
    await put(bench, 'b', '"1"');
    bench.log.confirm('a', version);
    await bench.log.settle();
    const heir = await takeOver(bench);
    expect([...heir.log.index.entries()].map(({ key }) => key)).toEqual(['b']);
    await heir.log.close();
  });

  test('the unconfirmed one of two keys that were written with one version', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    const version = bench.version();
    await Promise.all([put(bench, 'a', '"1"', version), put(bench, 'b', '"1"', version)]);
    bench.log.confirm('a', version);
    await bench.log.settle();
    const heir = await takeOver(bench);
    expect([...heir.log.index.entries()].map(({ key }) => key)).toEqual(['b']);
    await heir.log.close();
  });

  test('no older record of a key whose newer write was confirmed before it got to the disk', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    await put(bench, 'k', '"older"');
    await put(bench, 'other', '"keeps the file"');
    const version = bench.version();
    const newer = put(bench, 'k', '"newer"', version);
    bench.log.confirm('k', version);
    await newer;
    await bench.log.settle();
    const heir = await takeOver(bench);
    expect([...heir.log.index.entries()].map(({ key }) => key)).toEqual(['other']);
    await heir.log.close();
  });

  test('nor what one process confirmed of the log of another one, when both are gone', async () => {
    const first = await openBench(join(folder.path, 'log'));
    const version = first.version();
    await put(first, 'a', '"1"', version);
    await put(first, 'b', '"1"');
    const second = await takeOver(first);
    await put(second, 'c', '"own"');
    second.log.confirm('a', version);
    await second.log.settle();
    const third = await openBench(join(folder.path, 'third'), { clock: first.clock, nodeId: 'node003' });
    await adopt(third, [second.folder, `${second.folder}.from-dead`]);
    expect([...third.log.index.entries()].map(({ key }) => key).sort()).toEqual(['b', 'c']);
    await third.log.close();
  });

  test('a process that has not heard of Redis prefers its own writes to what it takes over, full files or not', async () => {
    const dead = await openBench(join(folder.path, 'log'));
    await put(dead, 'k', '"dead process"');
    const own = await openBench(join(folder.path, 'own'), {
      clock: dead.clock,
      isUnanchored: true,
      nodeId: 'node002',
      maxBytes: SMALL_BYTES,
    });
    await put(own, 'k', '"own"');
    for (let i = 0; i < 8; i++) await put(own, `filler ${i}`, JSON.stringify('.'.repeat(2000)));
    await adopt(own, [dead.folder]);
    expect(valueOf(own, 'k')).toBe('"own"');
    await own.log.close();
  });

  test('a segment that cannot be read invalidates everything, and gives nothing back later', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'));
    await put(bench, 'k', '"v"');
    disk.failAll('read', 'EMFILE');
    const heir = await takeOver(bench, disk);
    expect(heir.log.find('k')).toBeUndefined();
    expect(heir.log.index.facts.invalidateBefore.version > bench.version()).toBe(true);
    expect(heir.troubles).toEqual([{ kind: 'damaged', lost: 1, invalidated: 0 }]);
    disk.heal();
    const after = await takeOver(heir);
    expect(after.log.find('k')).toBeUndefined();
    await after.log.close();
  });

  test('a damaged control file invalidates everything, whatever it said', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    await put(bench, 'k', '"v"');
    writeFileSync(join(bench.folder, 'control'), Buffer.alloc(4096, 7));
    const heir = await takeOver(bench);
    expect(heir.log.find('k')).toMatchObject({ kind: 'dropped' });
    expect(heir.log.index.facts.invalidateBefore.version).not.toBe('');
    await heir.log.close();
  });
});

describe('the bound (G14)', () => {
  test.each([
    ['many small values', 300, () => 400],
    ['values as large as a segment', 60, () => 4000],
    ['values near the most a record may have', 30, (i: number) => 20_000 + i * 150],
    ['all sizes', 200, (i: number) => [10, 3000, 9000, 24_000][i % 4] ?? 0],
  ])('is never exceeded on the disk, at no moment, with %s', async (_, count, sizeOf) => {
    const path = join(folder.path, 'log');
    let most = 0;
    const watch = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (object, name) => {
          const method: unknown = Reflect.get(object, name);
          if (typeof method !== 'function') return method;
          if (name !== 'write' && name !== 'create') return method.bind(object) as unknown;
          return async (...args: unknown[]): Promise<unknown> => {
            const result = (await method.apply(object, args)) as object;
            most = Math.max(most, bytesIn(path));
            return name === 'create' ? watch(result) : result;
          };
        },
      });
    const bench = await openBench(path, { disk: watch(nodeDisk), maxBytes: SMALL_BYTES });
    for (let i = 0; i < count; i++) {
      const version = bench.version();
      expect(['logged', 'kept']).toContain(await put(bench, `key ${i}`, JSON.stringify('x'.repeat(sizeOf(i))), version));
      if (i % 7 === 3) bench.log.confirm(`key ${i}`, version);
      expect(bench.log.bytes).toBeLessThanOrEqual(SMALL_BYTES);
    }
    await bench.log.settle();
    expect(most).toBeGreaterThan(SMALL_BYTES / 2);
    expect(most).toBeLessThanOrEqual(SMALL_BYTES);
    // Given up or not, no key is forgotten.
    const heir = await takeOver(bench);
    const isAllInvalid = heir.log.index.facts.invalidateBefore.version !== '';
    for (let i = 0; i < count; i++) if (i % 7 !== 3 && !isAllInvalid) expect(heir.log.find(`key ${i}`)).toBeDefined();
    await heir.log.close();
  });

  test('gives up what is dead first, then the oldest values, then the service', async () => {
    const bench = await openBench(join(folder.path, 'log'), { maxBytes: SMALL_BYTES });
    const value = JSON.stringify('x'.repeat(1500));
    for (let i = 0; i < 200; i++) await put(bench, `same ${i % 5}`, value);
    expect(bench.troubles).toEqual([]);
    for (let i = 0; i < 40; i++) await put(bench, `key ${i}`, value);
    expect(bench.troubles.map(({ kind }) => kind)).toContain('values-given-up');
    const isDropped = Array.from({ length: 40 }, (_, i) => bench.log.find(`key ${i}`)?.kind === 'dropped');
    expect(isDropped[0]).toBe(true);
    expect(isDropped.lastIndexOf(true)).toBe(isDropped.indexOf(false) - 1);
    expect(valueOf(bench, 'key 39')).toBe(value);
    expect(bench.troubles.map(({ kind }) => kind)).not.toContain('service-invalidated');
    for (let i = 0; !bench.troubles.some(({ kind }) => kind === 'service-invalidated'); i++)
      await put(bench, `deleted ${i}`, undefined);
    const heir = await takeOver(bench);
    expect(heir.log.index.facts.invalidateBefore.version).not.toBe('');
    await heir.log.close();
  });

  test('expired values go before any other', async () => {
    const bench = await openBench(join(folder.path, 'log'), { maxBytes: SMALL_BYTES });
    const value = JSON.stringify('x'.repeat(1500));
    for (let i = 0; i < 20; i++) {
      const version = bench.version();
      await bench.log.put(`short ${i}`, seal(version, value, 1000), version);
    }
    bench.clock.advance(2000);
    for (let i = 0; i < 20; i++) await put(bench, `key ${i}`, value);
    expect(bench.troubles.filter(({ kind }) => kind !== 'values-given-up')).toEqual([]);
    expect(valueOf(bench, 'key 0')).toBe(value);
    expect(bench.log.find('short 0')?.kind).toBe('dropped');
    await bench.log.close();
  });

  test('confirmations take no more room than there is', async () => {
    const bench = await openBench(join(folder.path, 'log'), { maxBytes: SMALL_BYTES });
    const versions: string[] = [];
    for (let i = 0; i < 150; i++) await put(bench, `key ${i}`, '"v"', (versions[i] = bench.version()));
    for (let i = 1; i < 150; i++) bench.log.confirm(`key ${i}`, versions[i] as string);
    await bench.log.settle();
    expect(bytesIn(bench.folder)).toBeLessThanOrEqual(SMALL_BYTES);
    const heir = await takeOver(bench);
    expect([...heir.log.index.entries()].map(({ key }) => key)).toEqual(['key 0']);
    await heir.log.close();
  });
});

describe('a disk that fails', () => {
  test.each<AsyncDiskOperation>(['write', 'create', 'sync', 'remove', 'close', 'list', 'identify', 'open'])(
    'and hangs in `%s` costs a deadline or two, never for good, and closing ends too',
    async (operation) => {
      const disk = new FaultyDisk(nodeDisk);
      const bench = await openBench(join(folder.path, 'log'), { disk, fsync: 'always', maxBytes: SMALL_BYTES });
      await put(bench, 'before', '"v"');
      disk.hang(operation);
      for (let i = 0; i < 30; i++) {
        const { result, waitedMs } = await outlast(bench, put(bench, `key ${i % 3}`, JSON.stringify('x'.repeat(3000))));
        expect(['logged', 'kept', 'lost']).toContain(result);
        expect(waitedMs).toBeLessThanOrEqual(2 * DISK_DEADLINE_MS + SLOW_MS);
      }
      expect((await outlast(bench, bench.log.clear(bench.version()))).waitedMs).toBeLessThanOrEqual(DISK_DEADLINE_MS + SLOW_MS);
      await outlast(bench, bench.log.close());
      disk.release();
    },
  );

  test('and hangs while it opens or is taken over does not hold up the start', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const dead = await openBench(join(folder.path, 'log'));
    await put(dead, 'k', '"v"');
    const heir = await openBench(join(folder.path, 'heir'), { disk, clock: dead.clock });
    disk.hang('read');
    disk.hang('list');
    await outlast(heir, adopt(heir, [dead.folder]));
    expect(heir.log.index.facts.invalidateBefore.version).not.toBe('');
    disk.release();
    disk.hang('create');
    const opening = openBench(join(folder.path, 'late'), { disk, clock: dead.clock });
    const { result } = await outlast(heir, opening);
    expect(result.troubles).toMatchObject([{ kind: 'disk-failed', isFirst: true }]);
    disk.release();
    await result.log.close();
    await heir.log.close();
  });

  test('in one sync has its bytes written again to another file, the doubtful one is removed and nothing is lost', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk, fsync: 'interval' });
    await put(bench, 'k', '"v"');
    const [doubtful] = segmentsIn(bench.folder);
    disk.failNext('sync', 'EIO');
    bench.clock.advance(100);
    while (segmentsIn(bench.folder).includes(doubtful ?? '')) await new Promise(setImmediate);
    await bench.log.settle();
    expect(bench.troubles.map(({ kind }) => kind)).toEqual(['sync-failed']);
    expect(valueOf(bench, 'k')).toBe('"v"');
    const heir = await takeOver(bench);
    expect(valueOf(heir, 'k')).toBe('"v"');
    await heir.log.close();
  });

  test('to take anything does not cost what was logged before: a crash gives it up only where it has been overtaken', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    await put(bench, 'before', '"v"');
    disk.limitBytes(0);
    expect(await put(bench, 'new', '"v"')).toBe('kept');
    const heir = await takeOver(bench);
    expect(valueOf(heir, 'before')).toBe('"v"');
    expect(heir.log.index.facts.invalidateBefore.version > bench.version()).toBe(false);
    expect(heir.log.index.facts.invalidateBefore.version).not.toBe('');
    await heir.log.close();
  });

  test('to take a newer write of a logged key: a crash does not bring the older one back', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    await put(bench, 'k', '"older"');
    disk.limitBytes(0);
    expect(await put(bench, 'k', '"newer"')).toBe('kept');
    expect(bench.log.find('k')?.kind).toBe('dropped');
    const heir = await takeOver(bench);
    expect(heir.log.find('k')).toBeUndefined();
    expect(heir.log.index.facts.invalidateBefore.version).not.toBe('');
    await heir.log.close();
  });

  test('to remove a file keeps those behind it: what is older never outlives what is newer', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk, maxBytes: SMALL_BYTES });
    await put(bench, 'k', JSON.stringify('1'.repeat(3900)));
    const version = bench.version();
    await put(bench, 'k', JSON.stringify('2'.repeat(3900)), version);
    disk.failNext('remove', 'EIO');
    bench.log.confirm('k', version);
    await bench.log.settle();
    const heir = await takeOver(bench);
    expect(heir.log.find('k')).toBeUndefined();
    await heir.log.close();
  });
});

describe('a process that dies in the middle of a write (G7)', () => {
  /** Cuts the newest file off in the body of its last record. */
  function cut(bench: Bench): void {
    const path = join(bench.folder, segmentsIn(bench.folder).at(-1) ?? '');
    truncateSync(path, statSync(path).size - 5);
  }

  test('leaves what it had acknowledged of the key before', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    await put(bench, 'k', '"acknowledged"');
    await put(bench, 'k', '"never acknowledged"');
    cut(bench);
    const heir = await takeOver(bench);
    expect(valueOf(heir, 'k')).toBe('"acknowledged"');
    expect(heir.troubles).toEqual([]);
    await heir.log.close();
  });

  test('while a file that was cut off before the newest one is damaged: its key is invalidated', async () => {
    const bench = await openBench(join(folder.path, 'log'), { maxBytes: SMALL_BYTES });
    await put(bench, 'k', '"older"');
    await put(bench, 'k', JSON.stringify('newer'.padEnd(3400, '.')));
    cut(bench);
    await put(bench, 'other', JSON.stringify('.'.repeat(2000)));
    expect(segmentsIn(bench.folder)).toHaveLength(2);
    const heir = await takeOver(bench);
    expect(heir.log.find('k')?.kind).toBe('dropped');
    expect(heir.troubles).toEqual([{ kind: 'damaged', lost: 0, invalidated: 1 }]);
    await heir.log.close();
  });
});
