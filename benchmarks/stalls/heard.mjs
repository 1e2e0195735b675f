/** Two processes: one holds very many entries in L1, and hears of the other one's calls about all of them. */
import { setTimeout as pause } from 'node:timers/promises';
import { makeKeys } from '../support/keys.mjs';
import { openShared } from '../support/shared-service.mjs';
import { watchLoop } from './loop-watch.mjs';

const HEARD_DEADLINE_MS = 60_000;

let shared;
let keys;
let entries;

/** Opens the service. */
export async function open(url, count) {
  keys = makeKeys(count);
  entries = keys.map((key, i) => [key, i]);
  shared = await openShared(url, {
    s: { l1: { max_capacity: count }, l2: { connection_string: url, command_timeout_ms: 10_000 } },
  });
}

/** Fills L1 with what is in L2. */
export async function hold() {
  const found = (await shared.clients.s.getMany(keys)).size;
  if (found !== keys.length) throw new Error(`${found} of ${keys.length} entries`);
  globalThis.gc();
}

/** Watches the event loop until L1 is empty; resolves to the stall and to how many entries were dropped. */
export async function hear() {
  const client = shared.clients.s;
  const deadline = performance.now() + HEARD_DEADLINE_MS;
  const { stallMs } = await watchLoop(async () => {
    while (client.metrics().l1Entries > 0 && performance.now() < deadline) await pause(1);
  });
  return { stallMs, found: keys.length - client.metrics().l1Entries };
}

/** Writes all keys, with a tag. */
export async function write() {
  await shared.clients.s.setMany(entries, { tags: ['many'] });
}

/** Invalidates the tag that all keys have. */
export async function invalidate() {
  await shared.clients.s.invalidateTags('many');
}

/** Ends the process's part. */
export async function close() {
  await shared?.close();
}
