// @ts-check
/**
 * A guided tour of oxcache in a few seconds: `npm run quickstart`.
 *
 * It uses the Redis at REDIS_URL (or redis://127.0.0.1:6379) if one answers. Otherwise it starts a redis-server of its own,
 * where there is one on the PATH, and can then also show what happens when Redis goes away. Without either it shows what
 * the cache does alone. Keys are unique to a run and deleted at the end (Redis keeps an 80-byte mark of each deletion for an hour).
 * It works in a temporary folder, where its logs and the data of its Redis go, and removes it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cached, createManager, init, shutdown } from 'oxcache';

const CONFIG = fileURLToPath(new URL('../config.example.toml', import.meta.url));
const DEFAULT_URL = 'redis://127.0.0.1:6379';
const DEADLINE_MS = 5000;

/* ---- a second process, in one of the steps: it writes while Redis is away, and is killed ------------------------- */

if (process.argv[2] === 'doomed') {
  const doomed = await createManager(CONFIG, { logger: { error() {}, warn() {}, info() {}, debug() {} } });
  const key = process.argv[3] ?? '';
  console.log(JSON.stringify(await doomed.client('user_cache').set(key, { id: 103, name: 'User 103' })));
  // Stays until it is killed, or the tour is gone.
  await once(process.stdin.resume(), 'end');
  process.exit();
}

/* ---- the source of the data: slow, and it counts how often it is asked ------------------------------------------ */

let runs = 0;

/** @param {number} id */
async function findUser(id) {
  runs++;
  await delay(200);
  return { id, name: `User ${id}` };
}

/* ---- Redis: the one that is there, or one of our own, or none --------------------------------------------------- */

/** @param {string} url */
async function answers(url) {
  const probe = await createManager(
    {
      global: { log_level: 'silent' },
      services: {
        probe: {
          cache_type: 'l2',
          wal: { enabled: false },
          l2: {
            connection_string: url,
            username: '${REDIS_USERNAME:-}',
            password: '${REDIS_PASSWORD:-}',
            connection_timeout_ms: 1000,
          },
        },
      },
    },
    { env: process.env },
  );
  const isUp = probe.health().status === 'healthy';
  await probe.close();
  return isUp;
}

function findRedisServer() {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, process.platform === 'win32' ? 'redis-server.exe' : 'redis-server');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Starts a Redis that keeps its data in the working directory; resolves when it takes connections.
 *
 * @param {string} file
 * @param {number} port
 */
async function startRedis(file, port) {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
  const server = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = () => void server.kill('SIGKILL');
  process.once('exit', stop);
  server.once('exit', () => process.off('exit', stop));
  await within(
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', () => reject(new Error('redis-server ended at once')));
      server.stdout.on('data', (text) => {
        if (String(text).includes('eady to accept connections')) resolve(undefined);
      });
    }),
    'redis-server to start',
  );
  return server;
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

let step = 0;

/** @param {string} text */
const say = (text) => console.log(`    ${text}`);

/** @param {string} title @param {string} explanation */
function next(title, explanation) {
  console.log(`\n ${String(++step).padStart(2)} ${title}`);
  say(explanation);
}

/** @param {number} ms */
const inMs = (ms) => `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;

/**
 * Runs `action` and prints one line: what, how long it took, what came out.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} action
 * @param {(result: T) => string} tell
 */
async function timed(what, action, tell) {
  const startedMs = performance.now();
  const result = await action();
  const line = inMs(performance.now() - startedMs);
  console.log(`      ${what.padEnd(34)}${line.padStart(10)}   ${tell(result)}`);
  return result;
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @returns {Promise<T>}
 */
async function within(promise, what) {
  const timer = new AbortController();
  const timeUp = delay(DEADLINE_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`Waited ${DEADLINE_MS / 1000} s for ${what}`);
  });
  timeUp.catch(() => undefined);
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    timer.abort();
  }
}

/**
 * Waits until `condition` holds.
 *
 * @param {string} what
 * @param {() => Promise<boolean>} condition
 */
async function until(what, condition) {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${DEADLINE_MS / 1000} s for ${what}`);
    await delay(10);
  }
}

/** What oxcache itself has to say, among the steps instead of on standard error. */
const logger = {
  error: (/** @type {string} */ message) => say(`log error: ${message}`),
  warn: (/** @type {string} */ message) => say(`log warn:  ${message}`),
  info: (/** @type {string} */ message) => say(`log info:  ${message}`),
  debug: () => undefined,
};

/* ---- the tour --------------------------------------------------------------------------------------------------- */

// `wal.dir` is relative to the working directory.
const folder = mkdtempSync(join(tmpdir(), 'oxcache-tour-'));
process.chdir(folder);
process.once('exit', () => {
  process.chdir(tmpdir());
  rmSync(folder, { recursive: true, force: true });
});

const url = process.env['REDIS_URL'] || DEFAULT_URL;
/** @type {{ file: string, port: number, server: import('node:child_process').ChildProcess } | undefined} */
let own;
/** @type {Record<string, string | undefined>} */
let env = process.env;

console.log('oxcache quickstart');
let isThere = await answers(url);
if (isThere) {
  say('A Redis answers where the configuration looks for one: this tour uses it and leaves it running.');
} else {
  const file = findRedisServer();
  if (file !== undefined) {
    try {
      const port = await findFreePort();
      own = { file, port, server: await startRedis(file, port) };
      env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}`, REDIS_USERNAME: '', REDIS_PASSWORD: '' };
      isThere = true;
      say(`No Redis was running, so this tour started one of its own on port ${port}. It is stopped at the end.`);
    } catch (error) {
      say(`redis-server could not be started (${error instanceof Error ? error.message : 'unknown reason'}).`);
    }
  }
}
if (!isThere) {
  say('There is no Redis here, and that is fine: the cache then works in this process alone.');
  say('To see both levels, start Redis, set REDIS_URL, or install redis-server, and run this again.');
}

next('Open the caches of config.example.toml', 'One file declares every cache. `init` resolves with or without Redis.');
const manager = await timed(
  "init('config.example.toml')",
  () => init(CONFIG, { env, logger }),
  (opened) => opened.services.join(', '),
);
say(`health: ${manager.health().status}`);

const run = `quickstart-${process.pid}-${Date.now().toString(36)}`;
const users = manager.client('user_cache');
const keyOf = (/** @type {number} */ id) => `${run}:user:${id}`;
const getUser = cached('user_cache', findUser, { key: keyOf });
const written = [42, 7, 100, 101, 102, 103].map(keyOf);
const tellUser = (/** @type {{ name: string }} */ user) => `${user.name}; runs of the function so far: ${runs}`;

next('The first call', 'Nothing is cached yet, so the wrapped function runs. It takes 200 ms.');
await timed('getUser(42)', () => getUser(42), tellUser);

next('The same call again', 'Answered from this process: level 1, or L1.');
await timed('getUser(42)', () => getUser(42), tellUser);

next('1,000 calls at the same moment', 'Nobody has asked for user 7 before. All callers share one run of the function.');
await timed(
  '1,000 x getUser(7)',
  () => Promise.all(Array.from({ length: 1000 }, () => getUser(7))),
  (all) => `${all.length} answers; runs of the function so far: ${runs}`,
);

if (isThere) {
  next('Another process', 'A second manager stands for it: its L1 is empty, but Redis (L2) has what the first one loaded.');
  const other = await createManager(CONFIG, { env, logger });
  const otherUsers = other.client('user_cache');
  const key = getUser.keyFor(42);
  await timed(
    'lookup of user 42',
    () => otherUsers.lookup(key),
    (found) => `${found.status}, from ${found.tier}`,
  );
  await timed(
    'lookup of user 42 again',
    () => otherUsers.lookup(key),
    (found) => `${found.status}, from ${found.tier}`,
  );
  await other.close();
}

const tellSet = (/** @type {import('oxcache').SetResult} */ result) => JSON.stringify(result);
const tellValue = (/** @type {any} */ value) => (value === undefined ? 'undefined: it is not there' : value.name);

next('Writing', '`set` tells where the value really is.');
await timed('set(user 100)', () => users.set(keyOf(100), { id: 100, name: 'User 100' }), tellSet);

if (own !== undefined) {
  next('Redis dies', 'The server is killed, as by a crash.');
  const degraded = once(asEmitter('degrade'), 'degrade');
  own.server.kill('SIGKILL');
  await within(degraded, 'the loss to be noticed');
}
if (own !== undefined || !isThere) {
  if (own === undefined) next('What Redis being away means', 'Reads, loads and writes go on. Nothing waits for Redis.');
  await timed('getUser(42), in L1', () => getUser(42), tellUser);
  await timed('getUser(101), not cached', () => getUser(101), tellUser);
  await timed('set(user 102)', () => users.set(keyOf(102), { id: 102, name: 'User 102' }), tellSet);
  await timed('getL2Only(user 102)', () => users.getL2Only(keyOf(102)), tellValue);
  await timed('delete(user 100)', () => users.delete(keyOf(100)), String);
  await timed('get(user 100)', () => users.get(keyOf(100)), tellValue);
  say(`health: ${manager.health().status}; keys in the log: ${users.metrics().loggedKeys}`);
  say("`l2: 'logged'` says that the write is in a log on disk, and will be made up for. Until then reads see it there.");
  if (own === undefined) say('Here no Redis will come, so the log is removed at the end of the tour.');
} else {
  say('The part where Redis dies is skipped: it is not for a tour to stop a Redis it did not start.');
}
if (own !== undefined) {
  next('A process dies, too', 'A second process writes while Redis is away, and is killed with SIGKILL.');
  await timed(
    'its set(user 103)',
    () => killAfterWriting(keyOf(103)),
    (answer) => answer,
  );

  next('Redis comes back', 'With the data it had. It is told what it missed: nothing has to be done for that.');
  const recovered = once(asEmitter('recover'), 'recover');
  /** @type {Promise<import('oxcache').CacheEventMap['replay']>} */
  const replayed = new Promise((resolve) => {
    users.on('replay', (report) => report.phase === 'finished' && resolve(report));
  });
  own.server = await startRedis(own.file, own.port);
  await timed(
    'waiting for `recover`',
    () => within(recovered, 'the recovery'),
    () => 'it is used again',
  );
  await timed(
    'waiting for the end of `replay`',
    () => within(replayed, 'the replay'),
    ({ restored, invalidated, pending }) => JSON.stringify({ restored, invalidated, pending }),
  );

  next('A process starts', 'It takes over the log of the one that was killed. Its L1 is empty: what it reads is in Redis.');
  const starting = await createManager(CONFIG, { env, logger });
  const reader = starting.client('user_cache');
  await timed(
    'until Redis has it',
    () => until('user 103', async () => (await reader.has(keyOf(103))) && reader.metrics().loggedKeys === 0),
    () => `keys left in the log: ${reader.metrics().loggedKeys}`,
  );
  await timed('user 102, of the first process', () => reader.getL2Only(keyOf(102)), tellValue);
  await timed('user 103, of the killed process', () => reader.getL2Only(keyOf(103)), tellValue);
  await timed('user 100, deleted meanwhile', () => reader.getL2Only(keyOf(100)), tellValue);
  say(`health: ${manager.health().status}`);
  await starting.close();
}

next('What has been counted', 'The same numbers are in `manager.metrics()`, per service.');
const { l1Hits, l2Hits, misses, loads } = users.metrics();
say(`user_cache: ${l1Hits} hits in L1, ${l2Hits} in L2, ${misses} misses, ${loads} loads`);

if (isThere) await users.deleteMany(written);
await shutdown();
if (own !== undefined) {
  const gone = once(own.server, 'exit');
  own.server.kill('SIGKILL');
  await gone;
}
console.log('\n    Done. Next: README.md, examples/ and docs/configuration.md.');

/**
 * Starts the second process and kills it as soon as its write was acknowledged; resolves to the answer it was given.
 *
 * @param {string} key
 */
async function killAfterWriting(key) {
  const file = fileURLToPath(import.meta.url);
  const doomed = spawn(process.execPath, [file, 'doomed', key], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(doomed, 'close');
  try {
    const [answer] = await within(once(doomed.stdout, 'data'), 'the second process');
    return String(answer).trim();
  } finally {
    doomed.kill('SIGKILL');
    await ended;
  }
}

/**
 * The manager's events of user_cache as an emitter that `once` can wait for.
 *
 * @param {'degrade' | 'recover'} event
 */
function asEmitter(event) {
  const target = new EventTarget();
  users.on(event, () => void target.dispatchEvent(new Event(event)));
  return target;
}
