// The process that is killed: `node crash-child.mjs <JSON>`. In the role `work` it writes, reads and removes until it is
// killed, and notes in a journal each call before it is made and each answer when it has come. In the role `recover` it
// replays what its predecessors left, says so, reads every key, and closes when it is sent SIGUSR2.
import { openSync, writeSync } from 'node:fs';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { CacheError, createManager } from '../../../dist/index.js';
import { seededRandom } from './crash-random.mjs';

const spec = JSON.parse(process.argv[2]);
const random = seededRandom(spec.seed);
const journal = openSync(spec.journal, 'a', 0o600);

/** One line, in the file before this returns: it survives this process. */
const note = (event) => writeSync(journal, `${JSON.stringify({ ...event, atMs: Date.now() })}\n`);

let calls = 0;
const nextId = () => `${spec.generation}.${++calls}`;
// Every process counts on from where none of its predecessors can have come.
let values = spec.generation * 1_000_000;

/** Runs a call between two lines of the journal. */
async function call(ids, work, resultOf) {
  try {
    const answer = await work();
    for (const id of ids) note({ kind: 'acked', id, result: resultOf(answer, id) });
  } catch (error) {
    // Anything but an error of the cache is a defect, and ends the process with a message.
    if (!CacheError.is(error)) throw error;
    for (const id of ids) note({ kind: 'rejected', id, code: error.code });
  }
}

const manager = await createManager(spec.config);
const client = manager.client('chaos');

/** Text that does not compress to nothing. */
const textOf = (length) => Array.from({ length: Math.ceil(length / 8) }, () => random.next().toString(36).slice(2, 10)).join('');

function valueFor(n) {
  const kind = random.pickWeighted(spec.sizes);
  const length =
    kind === 'small'
      ? random.between(0, 200)
      : kind === 'large'
        ? random.between(4_000, 40_000)
        : random.between(80_000, 400_000);
  return { n, text: textOf(length) };
}

/** Whether Redis is in use and has been told everything. */
const isSettled = () => client.health().owed === 0 && client.health().status === 'healthy';

const operations = {
  set(key) {
    const n = ++values;
    const ttlMs = random.chance(spec.shortTtlShare) ? random.between(200, 1500) : spec.ttlMs;
    const value = valueFor(n);
    const id = nextId();
    note({ kind: 'began', id, op: 'set', key, n, ttlMs });
    return call(
      [id],
      () => client.set(key, value, ttlMs / 1000),
      (answer) => answer.l2,
    );
  },
  setMany(_, keys) {
    const entries = keys.filter(() => random.chance(0.6)).map((key) => [key, valueFor(++values)]);
    const ids = new Map(entries.map(([key]) => [nextId(), key]));
    for (const [id, key] of ids) {
      const n = entries.find(([name]) => name === key)[1].n;
      note({ kind: 'began', id, op: 'set', key, n, ttlMs: spec.ttlMs });
    }
    return call(
      [...ids.keys()],
      () => client.setMany(entries),
      (answer, id) => answer.get(ids.get(id)).l2,
    );
  },
  delete(key) {
    const id = nextId();
    note({ kind: 'began', id, op: 'delete', key });
    return call(
      [id],
      () => client.delete(key),
      () => spec.deleteResult,
    );
  },
  clear() {
    const id = nextId();
    note({ kind: 'began', id, op: 'clear' });
    return call(
      [id],
      () => client.clear(),
      () => 'done',
    );
  },
  async load(key) {
    const id = nextId();
    note({ kind: 'reading', id, key, isSettled: isSettled() });
    const loader = () => {
      const n = ++values;
      note({ kind: 'began', id: nextId(), op: 'load', key, n, ttlMs: spec.ttlMs });
      return { n, text: '' };
    };
    const value = await client.getOrLoad(key, loader);
    note({ kind: 'read', id, n: value.n });
  },
  async get(key) {
    const id = nextId();
    note({ kind: 'reading', id, key, isSettled: isSettled() });
    const value = await client.get(key);
    note({ kind: 'read', id, n: value?.n ?? null });
  },
};

/** One writer: keys of its own, so that the order of their writes is known. Most calls are awaited, some run together. */
async function write(keys) {
  const running = new Set();
  for (;;) {
    const key = random.pick(keys);
    const work = operations[random.pickWeighted(spec.weights)](key, keys);
    running.add(work);
    void work.finally(() => running.delete(work));
    if (!random.chance(spec.overlapShare) || running.size >= 8) await Promise.all(running);
    if (random.chance(0.5)) await turn();
    else if (random.chance(spec.pauseShare)) await delay(random.between(1, 8));
  }
}

if (spec.role === 'work') {
  note({ kind: 'ready', generation: spec.generation });
  process.stdout.write('ready\n');
  await Promise.all(spec.writers.map(write));
} else {
  process.stdout.write('ready\n');
  const alive = setInterval(() => undefined, 1000);
  process.once('SIGUSR2', async () => {
    await manager.close({ deadline: '5s' });
    clearInterval(alive);
    process.stdout.write('closed\n');
  });
  while (!isSettled()) await delay(5);
  await client.flush();
  for (const key of spec.writers.flat()) await operations.get(key);
  process.stdout.write('recovered\n');
}
