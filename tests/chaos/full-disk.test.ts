/**
 * The disk of the log is full, or can't be written at all, while Redis is away: less is kept then, but nothing old is ever
 * served, nobody waits and nothing throws (G6, G7, G14). With a really full disk where this process may mount one.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { CacheClient, CacheManager, ManagerOptions } from '../../lib/index.js';
import { nodeDisk } from '../../lib/recovery/node-disk.js';
import { degraded, twoLevelAt, useRig } from '../integration/outage/rig.js';
import { collectEvents } from '../support/collect-events.js';
import { FaultyDisk } from '../support/faulty-disk.js';
import type { RedisServer } from '../support/redis-server.js';
import { startScript } from '../support/spawn-script.js';
import { until } from '../support/until.js';
import { openBench, seal, takeOver, type Bench } from '../unit/recovery/log-bench.js';
import { canMount, mountSmallDisk, type SmallDisk } from './support/full-disk-mount.js';
import { replayed, SERVICE, startDurableRedis } from './support/outage-bench.js';

/** No call takes longer, whatever the disk does. */
const PATIENCE_MS = 1000;
const VALUE_BYTES = 8000;
const TEXT = 'x'.repeat(VALUE_BYTES);
const CHILD = fileURLToPath(new URL('./support/full-disk-child.mjs', import.meta.url));

const rig = useRig();

/** What a key was given last, and what was said of it; a deletion has no `n`. */
interface Told {
  readonly n: number | null;
  readonly l2: string;
}

/** A value as the tests write it. */
interface Numbered {
  readonly n: number;
  readonly text: string;
}

/** Writes and deletes one after the other, and remembers what it was told. */
class Scribe {
  readonly told = new Map<string, Told>();
  readonly #client: CacheClient<Numbered>;
  #last = 0;
  slowestMs = 0;

  constructor(client: CacheClient) {
    this.#client = client as CacheClient<Numbered>;
  }

  async set(key: string, text = TEXT): Promise<string> {
    const n = ++this.#last;
    const { l2 } = await this.#timed(this.#client.set(key, { n, text }));
    this.told.set(key, { n, l2 });
    return l2;
  }

  async delete(key: string): Promise<void> {
    await this.#timed(this.#client.delete(key));
    this.told.set(key, { n: null, l2: 'deleted' });
  }

  /** Sets keys one after the other until `count` of them were refused; returns what was said, in order. */
  async setUntilRefused(keys: readonly string[], count: number): Promise<string[]> {
    const said: string[] = [];
    let refused = 0;
    for (let turn = 0; refused < count; turn++) {
      const l2 = await this.set(keys[turn % keys.length] as string);
      said.push(l2);
      if (l2 === 'none') refused++;
      if (turn > 2000) throw new Error('The disk does not get full');
    }
    return said;
  }

  /** L1 has the last value of each key, whatever became of it elsewhere. */
  async checkOwnReads(): Promise<void> {
    for (const [key, { n }] of this.told) {
      const value = await this.#timed(this.#client.get(key));
      expect([key, value?.n ?? null]).toEqual([key, n]);
    }
  }

  async #timed<T>(work: Promise<T>): Promise<T> {
    const fromMs = performance.now();
    const result = await work;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - fromMs);
    return result;
  }
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`);
}

/** Opens the service with its log below `dir`; L1 has room for all keys. */
function openAt(server: RedisServer, dir: string, options: ManagerOptions = {}): Promise<CacheManager> {
  return rig.open(
    { [SERVICE]: twoLevelAt(server) },
    { ...options, global: { log_level: options.logger === undefined ? 'silent' : 'info', wal: { dir } } },
  );
}

/** Nothing in Redis is older than what was said last; what was logged is there, except with `mayBeLost`. */
async function checkRedis(server: RedisServer, told: ReadonlyMap<string, Told>, mayBeLost = false): Promise<number> {
  const reader = (await openAt(server, join(rig.folder, 'reader'))).client<Numbered>(SERVICE);
  let found = 0;
  for (const [key, { n, l2 }] of told) {
    const seen = (await reader.getL2Only(key))?.n;
    const isRight = seen === undefined ? n === null || l2 === 'none' || mayBeLost : seen === n;
    expect({ key, last: n, l2, seen, isRight }).toMatchObject({ isRight: true });
    if (seen !== undefined) found++;
  }
  return found;
}

/** The files with records below a folder. */
function segmentsIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wal'));
}

/** A logger that keeps what it is given. */
function collectLines(): { readonly lines: string[]; readonly logger: NonNullable<ManagerOptions['logger']> } {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (message: string): void => {
      lines.push(`${level} ${message}`);
    };
  return { lines, logger: { error: keep('error'), warn: keep('warn'), info: keep('info'), debug: keep('debug') } };
}

function linesWith(lines: readonly string[], text: string): string[] {
  return lines.filter((line) => line.includes(text));
}

/** A disk for the test's logs, of which they have `roomBytes`. */
function mountFor(roomBytes: number): SmallDisk & { readonly logs: string } {
  const disk = mountSmallDisk(join(rig.folder, 'disk'));
  if (disk === undefined) throw new Error('This process could mount a disk a moment ago, and now it cannot');
  rig.afterwards(() => {
    disk.unmount();
  });
  disk.fill(roomBytes);
  return { ...disk, logs: join(disk.path, 'wal') };
}

const describeRealDisk = (tests: () => void): void => {
  if (canMount()) describe('a disk that is really full', tests);
};

describeRealDisk(() => {
  test('G7, G14: values are refused, deletions are not, L1 goes on; once Redis is back it has nothing that is old', async () => {
    const server = await startDurableRedis(rig);
    const disk = mountFor(0);
    disk.free();
    const manager = await openAt(server, disk.logs);
    const client = manager.client(SERVICE);
    const errors = collectEvents(client, 'error');
    const scribe = new Scribe(client);
    const keys = namesOf(200);
    for (const key of keys) expect(await scribe.set(key, 'old')).toBe('written');
    await server.kill();
    await degraded(client);
    errors.length = 0;
    // Keys that nobody touches in the outage, some that are logged and refused later, and some that are refused only.
    const said = await scribe.setUntilRefused(keys.slice(0, 160), 40);
    expect(said.slice(0, 50)).toEqual(Array.from({ length: 50 }, () => 'logged'));
    await scribe.setUntilRefused(keys.slice(0, 20), 10);
    const deleted = [...keys.slice(3, 8), ...keys.slice(120, 125), ...keys.slice(170, 175)];
    for (const key of deleted) await scribe.delete(key);
    await scribe.checkOwnReads();
    expect(errors.length).toBeGreaterThan(0);
    expect(new Set(errors.map(({ payload }) => payload.error.code))).toEqual(new Set(['CACHE_LOG_FULL']));
    expect(client.metrics().valuesGivenUp).toBeGreaterThanOrEqual(50);
    expect(scribe.slowestMs).toBeLessThan(PATIENCE_MS);
    await server.restart();
    await replayed(client);
    const values = [...scribe.told.values()];
    const kept = values.filter(({ n, l2 }) => n !== null && l2 !== 'none').length;
    expect(kept).toBeGreaterThan(60);
    expect(await checkRedis(server, scribe.told)).toBeGreaterThanOrEqual(kept);
    await scribe.checkOwnReads();
    await until(() => client.metrics().logBytes === 0 && segmentsIn(disk.logs).length === 0, {
      describe: () => `an empty log: ${client.metrics().logBytes} bytes, ${segmentsIn(disk.logs).join(', ')}`,
    });
    expect(await scribe.set('k0')).toBe('written');
    await manager.close();
    expect(readdirSync(disk.logs)).toEqual([]);
  });

  test.each([
    { name: 'which then is still full', isFreed: false },
    { name: 'which then has room again', isFreed: true },
  ])('G7: a process is killed while its disk is full, $name: the next one leaves nothing old in Redis', async ({ isFreed }) => {
    const server = await startDurableRedis(rig);
    const disk = mountFor(300_000);
    const config = { global: { log_level: 'silent', wal: { dir: disk.logs } }, services: { [SERVICE]: twoLevelAt(server) } };
    const spec = { config, keys: 80, untouched: 10, valueBytes: VALUE_BYTES, refusals: 30 };
    const child = startScript(CHILD, { args: [JSON.stringify(spec)] });
    await child.printed('warm');
    await server.kill();
    await child.printed('}\n');
    child.kill();
    const { stdout, stderr, signal } = await child.done;
    expect([stderr, signal]).toEqual(['', 'SIGKILL']);
    const report = JSON.parse(stdout.slice(stdout.indexOf('full ') + 5)) as Record<string, Told>;
    const told = new Map(Object.entries(report));
    expect(new Set([...told.values()].map(({ l2 }) => l2))).toEqual(new Set(['written', 'logged', 'none', 'deleted']));
    await server.restart();
    if (isFreed) disk.free();
    const heir = (await openAt(server, disk.logs)).client<Numbered>(SERVICE);
    await replayed(heir);
    await checkRedis(server, told, true);
    for (const [key, { n }] of told) expect([undefined, n ?? undefined]).toContain((await heir.get(key))?.n);
    expect(heir.metrics().loggedKeys).toBe(0);
  });

  test('G7: space that is freed during the outage is used again, which the log tells, and what is logged then is not lost', async () => {
    const server = await startDurableRedis(rig);
    const disk = mountFor(200_000);
    const { lines, logger } = collectLines();
    const client = (await openAt(server, disk.logs, { logger })).client(SERVICE);
    const scribe = new Scribe(client);
    const keys = namesOf(60);
    for (const key of keys) await scribe.set(key, 'old');
    await server.kill();
    await degraded(client);
    await scribe.setUntilRefused(keys.slice(0, 50), 30);
    expect(linesWith(lines, 'cannot be written').length).toBeGreaterThan(0);
    const recoveries = linesWith(lines, 'can be written again').length;
    disk.free();
    await until(async () => (await scribe.set('k1')) === 'logged');
    expect(linesWith(lines, 'can be written again').length).toBeGreaterThan(recoveries);
    for (const key of keys.slice(2, 40)) expect(await scribe.set(key)).toBe('logged');
    await scribe.delete('k40');
    await scribe.checkOwnReads();
    expect(scribe.slowestMs).toBeLessThan(PATIENCE_MS);
    await server.restart();
    await replayed(client);
    expect(await checkRedis(server, scribe.told)).toBeGreaterThanOrEqual(39);
    await until(() => client.metrics().logBytes === 0);
  });

  test('G6, G7: a read-only disk: the cache works, and nothing old is served after the outage', async () => {
    const disk = mountFor(0);
    disk.free();
    disk.makeReadOnly();
    await checkWithoutDisk(disk.logs);
  });
});

/** A service whose log has nowhere to go, through an outage. */
async function checkWithoutDisk(dir: string): Promise<void> {
  const server = await startDurableRedis(rig);
  const { lines, logger } = collectLines();
  const client = (await openAt(server, dir, { logger })).client(SERVICE);
  const errors = collectEvents(client, 'error');
  const told = linesWith(lines, 'error ');
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(dir);
  expect(told[0]).toContain('set wal.dir to a folder that can be written to');
  const scribe = new Scribe(client);
  const keys = namesOf(30);
  for (const key of keys) expect(await scribe.set(key, 'old')).toBe('written');
  await server.kill();
  await degraded(client);
  errors.length = 0;
  for (const key of keys.slice(0, 20)) expect(await scribe.set(key)).toBe('none');
  expect(errors.length).toBeGreaterThanOrEqual(20);
  expect(new Set(errors.map(({ payload }) => payload.error.code))).toEqual(new Set(['CACHE_LOG_FULL']));
  // Nothing on the disk would say so if this process died now, and nobody may take it for done.
  for (const key of keys.slice(15, 25)) {
    await expect(scribe.delete(key)).rejects.toMatchObject({ code: 'CACHE_LOG_FULL', key });
    scribe.told.set(key, { n: null, l2: 'rejected' });
  }
  await scribe.checkOwnReads();
  expect(scribe.slowestMs).toBeLessThan(PATIENCE_MS);
  await server.restart();
  await replayed(client);
  await checkRedis(server, scribe.told);
  expect(await scribe.set('k0')).toBe('written');
  // At the start, and at most once more for all that was refused.
  expect(linesWith(lines, 'cannot be written').length).toBeLessThanOrEqual(2);
}

describe('a folder that cannot be made', () => {
  test('G6, G7: the cache works, says what to do, and nothing old is served after the outage', async () => {
    const file = join(rig.folder, 'in-the-way');
    writeFileSync(file, 'not a folder');
    await checkWithoutDisk(file);
  });
});

describe('a disk whose room is counted', () => {
  /** Fills a log of which the disk takes `roomBytes`; every key had an older value in it before. */
  async function fill(
    roomBytes: number,
  ): Promise<{ bench: Bench; disk: FaultyDisk; told: Map<string, Told & { version: string }> }> {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(rig.folder, 'log'), { disk });
    disk.limitBytes(roomBytes);
    const told = new Map<string, Told & { version: string }>();
    const put = async (key: string, n: number | null): Promise<void> => {
      const version = bench.version();
      const value = n === null ? undefined : JSON.stringify({ n, text: TEXT });
      const l2 = await bench.log.put(key, seal(version, value), version);
      told.set(key, { n, l2, version });
    };
    for (let n = 0; n < 60; n++) await put(`k${n % 20}`, n);
    for (const key of ['k0', 'k1', 'never set']) await put(key, null);
    return { bench, disk, told };
  }

  test('G7: what it refuses is known by its key, and after a crash everything of before is invalidated', async () => {
    const { bench, told } = await fill(200_000);
    const outcomes = new Set([...told.values()].map(({ l2 }) => l2));
    expect(outcomes).toContain('kept');
    expect(outcomes).not.toContain('lost');
    for (const [key, { version }] of told) expect(bench.log.find(key)?.version).toBe(version);
    const heir = await takeOver(bench);
    const { version: invalidated } = heir.log.index.facts.invalidateBefore;
    for (const [key, { version }] of told) {
      expect(invalidated > version).toBe(true);
      // What is there in spite of it must not be older.
      expect(heir.log.find(key)?.version ?? version).toBe(version);
    }
    await heir.log.close();
  });

  test('G7: once it has room again the keys are written, and a crash after that invalidates them one by one', async () => {
    const { bench, disk, told } = await fill(200_000);
    disk.heal();
    bench.clock.advance(1000);
    await bench.log.settle();
    expect(bench.troubles.at(-1)).toEqual({ kind: 'disk-recovered' });
    const heir = await takeOver(bench);
    expect(heir.log.index.facts.invalidateBefore.version).toBe('');
    for (const [key, { n, l2, version }] of told) {
      const entry = heir.log.find(key);
      const kind = l2 === 'kept' ? 'dropped' : n === null ? 'deletion' : 'value';
      expect([key, entry?.version, entry?.kind]).toEqual([key, version, kind]);
    }
    await heir.log.close();
  });
});
