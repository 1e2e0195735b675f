// A process that reads or writes until it is sent SIGUSR2: `node staleness-child.mjs <JSON>`. It notes in a journal what it did and
// when, on the monotonic clock of the machine, which all processes share; also when it did not run and when its link was lost.
// A reader then waits for its link and reads everything once more; a writer waits until Redis has everything, and for a second signal.
import { openSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from './crash-random.mjs';
import { routePorts } from './route-ports.mjs';

const spec = JSON.parse(process.argv[2]);
routePorts(spec.routes);

const { CacheError, createManager } = await import('../../../dist/index.js');
const random = seededRandom(spec.seed);
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const journal = openSync(spec.journal, 'a', 0o600);
let lines = [];
const note = (...line) => lines.push(JSON.stringify(line));
function save() {
  if (lines.length > 0) writeSync(journal, `${lines.join('\n')}\n`);
  lines = [];
}

const manager = await createManager(spec.config);
const client = manager.client('shared');
client.on('invalidate', ({ reason, keys = [], tags = [] }) => note('i', nowMs(), reason, [...keys, ...tags]));
/**
 * Whether Redis has a write: not yet (`false`), or never (`null`): one that ends in neither tier was overtaken by a write that counts as
 * newer, and its caller was told so. Clocks agree to within half a round trip only.
 */
const isInRedis = ({ l2 }) => (l2 === 'none' ? null : l2 === 'written');
const isSettled = () => client.health().l2?.status === 'healthy' && client.health().owed === 0;
/** Without a bus there is no link to lose. */
const isLinked = () => (client.health().sync?.status ?? 'connected') === 'connected';

const TICK_MS = 10;
const STALL_MS = 16;
let tickedMs = nowMs();
let wasLinked = true;
let owes = false;
/** Calls under way: a clear empties the log before Redis knows of it. */
let running = 0;
function tick() {
  const atMs = nowMs();
  if (atMs - tickedMs > STALL_MS) note('s', tickedMs, atMs);
  const linked = isLinked();
  if (linked !== wasLinked) note('k', atMs, tickedMs, linked);
  wasLinked = linked;
  if (owes && running === 0 && client.metrics().pendingWrites === 0 && isSettled()) {
    note('o', atMs);
    owes = false;
  }
  tickedMs = atMs;
  save();
}
tick();
const ticking = setInterval(tick, TICK_MS);

let values = 0;
const nextValue = () => ({ id: `${spec.name}.${++values}` });

/** Makes a write and notes it; `placeOf` says whether Redis has it, for each line that is noted. */
async function write(notes, work) {
  const startedMs = nowMs();
  let answer;
  running++;
  try {
    answer = await work();
    running--;
  } catch (error) {
    running--;
    // Anything but an error of the cache is a defect, and ends the process with a message.
    if (!CacheError.is(error)) throw error;
    const endedMs = nowMs();
    for (const { line } of notes) note(...line, startedMs, endedMs, null);
    return;
  }
  const endedMs = nowMs();
  for (const { line, isInRedis } of notes) {
    const isSure = isInRedis(answer);
    if (!isSure) owes = true;
    note(...line, startedMs, endedMs, isSure);
  }
}

/** Deletions do not say where they are: in Redis only if nothing is in the log. */
const asHealthy = () => isSettled();
const valueLine = (value, key, tags, isInRedis) => ({ line: ['w', value.id, key, tags], isInRedis });

async function load(call, key, tags) {
  const startedMs = nowMs();
  const loader = async () => {
    const value = nextValue();
    note('l', value.id, key, tags, startedMs, nowMs());
    if (random.chance(0.5)) await delay(random.between(0, 15));
    return value;
  };
  running++;
  owes = true;
  try {
    await client[call](key, loader, { tags });
  } catch (error) {
    if (!CacheError.is(error)) throw error;
  }
  running--;
}

const writes = {
  set(key) {
    const value = nextValue();
    return write([valueLine(value, key, [], isInRedis)], () => client.set(key, value));
  },
  setTagged(key) {
    const value = nextValue();
    const tags = spec.tags.filter(() => random.chance(0.5));
    return write([valueLine(value, key, tags, isInRedis)], () => client.set(key, value, { tags }));
  },
  setMany() {
    const entries = spec.keys.filter(() => random.chance(0.2)).map((key) => [key, nextValue()]);
    const notes = entries.map(([key, value]) => valueLine(value, key, [], (answer) => isInRedis(answer.get(key))));
    return write(notes, () => client.setMany(entries));
  },
  setL2Only(key) {
    const value = nextValue();
    return write([valueLine(value, key, [], isInRedis)], () => client.setL2Only(key, value));
  },
  delete: (key) => write([{ line: ['d', 'removal', key], isInRedis: asHealthy }], () => client.delete(key)),
  invalidateTags() {
    const tag = random.pick(spec.tags);
    return write([{ line: ['d', 'tags', [tag]], isInRedis: asHealthy }], () => client.invalidateTags(tag));
  },
  clear: () => write([{ line: ['d', 'clear', null], isInRedis: asHealthy }], () => client.clear()),
  getOrLoad: (key) => load('getOrLoad', key, random.chance(0.5) ? [random.pick(spec.tags)] : []),
  refresh: (key) => load('refresh', key, []),
};

const reads = {
  peek(key) {
    const startedMs = nowMs();
    note('r', 'peek', key, client.peek(key)?.id ?? null, startedMs);
  },
  async get(key) {
    const startedMs = nowMs();
    const value = await client.get(key);
    note('r', 'get', key, value?.id ?? null, startedMs);
  },
  async getMany() {
    const keys = spec.keys.filter(() => random.chance(0.2));
    const startedMs = nowMs();
    const found = await client.getMany(keys);
    for (const key of keys) note('r', 'getMany', key, found.get(key)?.id ?? null, startedMs);
  },
  getOrLoad: (key) => load('getOrLoad', key, []),
};

let isEnding = false;
const signalled = once(process, 'SIGUSR2').then(() => (isEnding = true));

async function untilTrue(condition, what) {
  const fromMs = nowMs();
  while (!condition()) {
    if (nowMs() - fromMs > 15_000) throw new Error(`Waited in vain until ${what}: ${JSON.stringify(client.health())}`);
    await delay(5);
  }
}

async function work(operations, [leastMs, mostMs], together) {
  while (!isEnding) {
    const batch = Array.from({ length: together }, () => operations[random.pickWeighted(spec.weights)](random.pick(spec.keys)));
    await Promise.all(batch);
    await delay(random.between(leastMs, mostMs));
  }
}

process.stdout.write('ready\n');
if (spec.role === 'writer') {
  await Promise.all([work(writes, [10, 60], 1), work(writes, [20, 90], 1)]);
  await untilTrue(isSettled, 'Redis has everything');
  tick();
  process.stdout.write('settled\n');
  await once(process, 'SIGUSR2');
} else {
  await work(reads, [1, 5], 5);
  await signalled;
  await untilTrue(isLinked, 'the link is back');
  await delay(spec.allowanceMs * 2);
  for (const key of spec.keys) {
    reads.peek(key);
    await reads.get(key);
  }
}
clearInterval(ticking);
tick();
process.stdout.write(`metrics ${JSON.stringify(client.metrics())}\n`);
await manager.close({ deadline: '3s' });
process.stdout.write('closed\n');
