/** A companion that writes at a steady pace over the keys it shares with others, and notes when it hears of their writes. */
import { setTimeout as pause } from 'node:timers/promises';
import { makeKeys, makeValue } from '../support/keys.mjs';
import { openShared } from '../support/shared-service.mjs';

let opened;
let keys;
let values;

/** Opens the service. */
export async function open(url, keyCount) {
  keys = makeKeys(keyCount);
  values = keys.map((_, i) => makeValue(i));
  opened = await openShared(url, { lag: { l1: { max_capacity: 2 * keyCount } } });
}

/**
 * Writes for `durationMs` from `startNs` on, a moment on the clock of the machine. Which key comes next depends on the time
 * and on the number of the process, so that each key is written by everybody, and by nobody at the same time.
 *
 * Resolves to writes `[key, when it was called, when it resolved]` and to what was heard `[key, when]`; milliseconds since
 * the start. A process that stands still for a quarter of a turn is overtaken by another one: nobody is told of such writes.
 */
export async function writeAndListen({ startNs, durationMs, perSecond, offset, settleMs }) {
  const client = opened.clients.lag;
  const start = BigInt(startNs);
  const nowMs = () => Number(process.hrtime.bigint() - start) / 1e6;
  const numbers = new Map(keys.map((key, i) => [key, i]));
  const heard = [];
  const listen = ({ reason, keys: changed }) => {
    const atMs = nowMs();
    if (reason === 'remote') for (const key of changed) heard.push([numbers.get(key), atMs]);
    else lost[reason] = (lost[reason] ?? 0) + 1;
  };
  client.on('invalidate', listen);
  const writes = [];
  const lost = {};
  const writing = [];
  const write = async (number) => {
    const calledMs = nowMs();
    const { l2 } = await client.set(keys[number], values[number]);
    if (l2 === 'written') writes.push([number, calledMs, nowMs()]);
    else lost[l2] = (lost[l2] ?? 0) + 1;
  };
  await pause(Math.max(0, -nowMs()));
  for (let sent = 0; nowMs() < durationMs;) {
    const due = Math.floor((nowMs() * perSecond) / 1000);
    for (; sent < due; sent++) writing.push(write((sent + offset) % keys.length));
    await pause(1);
  }
  await Promise.all(writing);
  // The others may be late, and their last messages on their way.
  for (let before = -1; before < heard.length;) {
    before = heard.length;
    await pause(settleMs);
  }
  client.off('invalidate', listen);
  return { writes, heard, lost };
}

export const close = () => opened?.close();
