// One of the processes of a linearizability run: makes the calls its parent asks for and answers with what became of them and when, on
// the monotonic clock of the machine, which all processes share. `node linearizability-child.mjs <JSON>`. It has several managers, so
// that a call of one can follow upon a call of another at once.
import { CacheError, createManager } from '../../../dist/index.js';
import { blockEventLoop } from '../../../dist/testing/index.js';
import { serveCalls } from '../../support/serve-calls.mjs';

const spec = JSON.parse(process.argv[2]);
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const managers = await Promise.all(spec.configs.map((config) => createManager(config)));
const clients = managers.map((manager) => manager.client('shared'));

const isSettled = (client) => {
  const { loggedKeys, pendingWrites } = client.metrics();
  const { status, sync } = client.health();
  return status === 'healthy' && sync.status === 'connected' && loggedKeys === 0 && pendingWrites === 0;
};
const failures = (client) => client.metrics().l2Errors + client.metrics().l2Timeouts;
/** Nothing is logged, whatever other calls have on their way. */
const owesNothing = (client) => client.health().status === 'healthy' && client.metrics().loggedKeys === 0;

/** Each resolves to where the value is; `null` where that is not said. */
const calls = {
  set: async (client, { key, value, tags }) => (await client.set(key, { value }, { tags })).l2,
  setL2Only: async (client, { key, value, tags }) => (await client.setL2Only(key, { value }, { tags })).l2,
  setMany: async (client, { key, value, tags }) => {
    const results = await client.setMany([[key, { value }]], { tags });
    return results.get(key).l2;
  },
  delete: async (client, { key }) => (await client.delete(key), null),
  deleteMany: async (client, { key }) => (await client.deleteMany([key]), null),
  invalidateTags: async (client, { tags }) => (await client.invalidateTags(...tags), null),
  clear: async (client) => (await client.clear(), null),
};

async function write(call) {
  const client = clients[call.manager];
  const before = failures(client);
  const startMs = nowMs();
  try {
    const l2 = await calls[call.call](client, call);
    const endMs = nowMs();
    // Deletions do not say where they are: in Redis for sure only if nothing failed meanwhile. A value that is nowhere was overtaken: by
    // a call that is later, or this one is a finding.
    const isDone = l2 === null ? owesNothing(client) && failures(client) === before : l2 !== 'logged';
    return { startMs, endMs, outcome: isDone ? 'done' : 'logged', l2 };
  } catch (error) {
    // Anything but an error of the cache is a defect, and ends the run.
    if (!CacheError.is(error)) throw error;
    return { startMs, endMs: nowMs(), outcome: 'failed', code: error.code };
  }
}
/** A miss while Redis can't be asked, or the link is lost, says nothing. */
async function read(key) {
  const [client] = clients;
  const before = failures(client);
  const canKnow = () => owesNothing(client) && client.health().sync.status === 'connected';
  const couldKnow = canKnow();
  const startMs = nowMs();
  const found = await client.getL2Only(key);
  const endMs = nowMs();
  const isSure = found !== undefined || (couldKnow && canKnow() && failures(client) === before);
  return { startMs, endMs, isSure, value: found?.value ?? null };
}

const until = async (condition) => {
  const fromMs = nowMs();
  while (!condition()) {
    if (nowMs() - fromMs > 20_000)
      throw new Error(`Not settled: ${JSON.stringify(clients.map((client) => [client.health(), client.metrics()]))}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

serveCalls({
  /** One after the other, with nothing in between. */
  write: async (list) => {
    const made = [];
    for (const call of list) made.push(await write(call));
    return made;
  },
  read,
  block: blockEventLoop,
  settle: async () => {
    await until(() => clients.every(isSettled));
    return { atMs: nowMs() };
  },
  close: () => Promise.all(managers.map((manager) => manager.close({ deadline: '2s' }))).then(() => undefined),
});
