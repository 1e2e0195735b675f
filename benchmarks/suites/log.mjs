/**
 * The write-ahead log by itself: how fast it takes writes, how fast it is read back by a process that starts, and how fast
 * it is replayed into Redis. The references are the plain things it stands for: writing the same bytes to a file, and a
 * pipeline of `SET PX`.
 */
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys, makeValue } from '../support/keys.mjs';
import { dist, loadIoredis } from '../support/package.mjs';
import { median, quantile, ratios } from '../support/statistics.mjs';

const RECORDS = 100_000;
const ROUNDS = 7;
/** Callers that wait for their commit together. */
const CALLERS = 5000;

const load = (file) => import(new URL(file, dist));
const { WriteAheadLog } = await load('recovery/write-ahead-log.js');
const { nodeDisk } = await load('recovery/node-disk.js');
const { OpenFiles } = await load('recovery/open-files.js');
const { Replayer } = await load('recovery/replayer.js');
const { HybridClock } = await load('base/hybrid-clock.js');
const { systemClock } = await load('base/clock.js');
const { sealEnvelope } = await load('codec/envelope.js');
const { FORMAT_TAG } = await load('codec/format-tag.js');
const { ConnectionPool } = await load('tiers/redis/connection-pool.js');
const { HealthMonitor } = await load('recovery/health-monitor.js');
const { RedisTier } = await load('tiers/redis/redis-tier.js');
const { KeySpace } = await load('tiers/redis/key-space.js');
const { jsonCodec } = await load('codec/json-codec.js');

const PARTS = {
  disk: nodeDisk,
  clock: systemClock,
  random: Math.random,
  fsyncIntervalMs: 100,
  maxBytes: 512 * 1024 * 1024,
  maxAgeMs: 3_600_000,
  formatTag: FORMAT_TAG,
  about: { service: 'bench' },
  onAdopted() {},
  onTrouble: (trouble) => {
    if (trouble.kind !== 'adopted') throw new Error(JSON.stringify(trouble));
  },
};

export async function run({ redisUrl }) {
  const folder = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  try {
    return [...(await measureAppends(folder)), ...(await measureRecovery(folder)), ...(await measureReplay(folder, redisUrl))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function open(parent, name, hybridClock = new HybridClock(systemClock, 'bench00'), fsync = 'interval') {
  const folder = join(parent, name);
  await mkdir(folder);
  const makeFolder = () => PARTS.disk.makeFolder(folder);
  const log = new WriteAheadLog({ ...PARTS, openFiles: new OpenFiles(), folder, makeFolder, hybridClock, fsync });
  await log.prepare();
  return { folder, hybridClock, log };
}

const keys = makeKeys(RECORDS);
const payloads = keys.map((_, i) => JSON.stringify(makeValue(i)));

/** An entry as the write path hands it to the log. */
function sealed(i, hybridClock) {
  const version = hybridClock.versionOf(hybridClock.stamp());
  const createdAtMs = hybridClock.nowMs();
  const expiresAtMs = createdAtMs + 600_000;
  const header = { kind: 'v', version, codec: 'j', compression: '-', createdAtMs, freshUntilMs: expiresAtMs, expiresAtMs };
  return { version, bytes: sealEnvelope(header, payloads[i]) };
}

/** Logs every key, thousands of callers at a time; `entries` were sealed before, or are as they are logged. */
async function fill({ log, hybridClock }, entries) {
  for (let from = 0; from < RECORDS; from += CALLERS) {
    const done = [];
    for (let i = from; i < from + CALLERS; i++) {
      const { version, bytes } = entries?.[i] ?? sealed(i, hybridClock);
      done.push(log.put(keys[i], bytes, version));
    }
    for (const outcome of await Promise.all(done)) if (outcome !== 'logged') throw new Error(outcome);
  }
}

async function measureAppends(parent) {
  const contestants = {
    sealedBefore: { fsync: 'interval', isSealedBefore: true },
    forced: { fsync: 'always', isSealedBefore: true },
    withSealing: { fsync: 'interval', isSealedBefore: false },
  };
  const perSecond = { sealedBefore: [], forced: [], withSealing: [] };
  const plain = [];
  for (let round = -2; round < ROUNDS; round++) {
    for (const [name, { fsync, isSealedBefore }] of Object.entries(contestants)) {
      const opened = await open(parent, `append-${name}-${round}`, undefined, fsync);
      const entries = isSealedBefore ? keys.map((_, i) => sealed(i, opened.hybridClock)) : undefined;
      globalThis.gc();
      const startedMs = performance.now();
      await fill(opened, entries);
      const ms = performance.now() - startedMs;
      if (round >= 0) perSecond[name].push(RECORDS / (ms / 1000));
      await opened.log.close();
      rmSync(opened.folder, { recursive: true });
    }
    const ms = writePlainly(join(parent, 'plain'));
    if (round >= 0) plain.push(RECORDS / (ms / 1000));
  }
  return [
    rate('log append: put to acknowledgement', perSecond.sealedBefore, ['>=', 300_000], 'records/s'),
    rate('the same with fsync = "always"', perSecond.forced, undefined, 'records/s'),
    rate('log append with sealing the entry', perSecond.withSealing, undefined, 'records/s'),
    {
      figure: 'log append / one write(2) a record',
      ...ratios(perSecond.sealedBefore, plain),
      note: 'above 1: the log is faster',
    },
  ];
}

/** The same payloads, one system call each: what logging costs whoever does not gather. */
function writePlainly(path) {
  const file = openSync(path, 'w');
  const startedMs = performance.now();
  for (const payload of payloads) writeSync(file, payload);
  const ms = performance.now() - startedMs;
  closeSync(file);
  return ms;
}

async function measureRecovery(parent) {
  const ms = [];
  const left = await open(parent, 'left');
  await fill(left);
  await left.log.close();
  let folder = left.folder;
  for (let round = 0; round < ROUNDS; round++) {
    const heir = await open(parent, `heir-${round}`);
    const taken = join(heir.folder, 'taken');
    await rename(folder, taken);
    const startedMs = performance.now();
    await (
      await heir.log.adopt([taken])
    ).end;
    ms.push(performance.now() - startedMs);
    if (heir.log.index.size !== RECORDS) throw new Error(`${heir.log.index.size} records were found`);
    await heir.log.close();
    folder = taken;
  }
  return [rate(`a log of ${RECORDS} records read at the start`, ms, ['<=', 2000], 'ms', `${readdirSync(folder).length} files`)];
}

async function measureReplay(parent, redisUrl) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl);
  const l2 = {
    mode: 'standalone',
    connectionString: redisUrl,
    ttlMs: 600_000,
    connectionTimeoutMs: 5000,
    commandTimeoutMs: 5000,
    compression: 'none',
    compressionThresholdBytes: 1024,
    maxKeyLength: 1024,
    maxValueSizeBytes: 10 * 1024 * 1024,
  };
  const silent = { error() {}, warn() {}, info() {}, debug() {} };
  const pool = new ConnectionPool({
    clock: systemClock,
    random: Math.random,
    logger: silent,
    keyPrefix: 'bench',
    onEvictionPolicy() {},
    monitor: (connection) => new HealthMonitor(connection, { clock: systemClock, logger: silent, intervalMs: 30_000 }),
  });
  const { connection, reader } = await pool.acquire({ name: 'replay', l2 }, undefined);
  await pool.connect();
  const keySpace = new KeySpace('bench', 'replay');
  const codecs = [jsonCodec, () => jsonCodec];
  const nothing = () => undefined;
  const told = {
    onUndecodable: nothing,
    onClockDoubt: nothing,
    onResent: nothing,
    onRaised: nothing,
    onMarksLost: nothing,
  };
  const tier = new RedisTier({ service: 'replay', l2, connection, reader, keySpace, codecs, systemClock, ...told });
  const replay = [];
  const pipeline = [];
  for (let round = -1; round < ROUNDS; round++) {
    await redis.flushall();
    const opened = await open(parent, `replay-${round}`, tier.clock);
    await fill(opened);
    const ms = await replayAll(opened.log, tier, connection);
    if (round >= 0) replay.push(RECORDS / (ms / 1000));
    await opened.log.close();
    // And the marks of the service.
    if ((await redis.dbsize()) !== RECORDS + 1) throw new Error('not everything was replayed');
    await redis.flushall();
    const plainMs = await setAll(redis);
    if (round >= 0) pipeline.push(RECORDS / (plainMs / 1000));
  }
  pool.close();
  redis.disconnect();
  return [
    rate('replay, unthrottled', replay, ['>=', 150_000], 'keys/s'),
    { figure: 'replay / ioredis pipeline of SET PX', ...ratios(replay, pipeline), note: 'above 1: replay is faster' },
  ];
}

function replayAll(log, tier, connection) {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const replayer = new Replayer({
      log,
      tier,
      connection,
      clock: systemClock,
      random: Math.random,
      mode: 'restore',
      maxAgeMs: 3_600_000,
      pace: { keysPerSecond: Infinity, batchKeys: 200, maxInFlight: 4, jitterMs: 0 },
      isOvertaken: () => false,
      areTagsOlder: () => false,
      onInvalidated: () => undefined,
      onSuperseded: (key) => reject(new Error(`${key} was superseded`)),
      onPhase: (phase, report) => {
        if (phase === 'finished') resolve(performance.now() - startedMs);
        if (phase === 'interrupted') reject(report.failure);
      },
    });
    replayer.start();
  });
}

async function setAll(redis) {
  const startedMs = performance.now();
  for (let from = 0; from < RECORDS; from += 200) {
    const pipeline = redis.pipeline();
    for (let i = from; i < from + 200; i++) pipeline.set(keys[i], payloads[i], 'PX', 600_000);
    await pipeline.exec();
  }
  return performance.now() - startedMs;
}

function rate(figure, numbers, goal, unit, note) {
  return { figure, goal, unit, measured: median(numbers), low: quantile(numbers, 0.25), high: quantile(numbers, 0.75), note };
}
