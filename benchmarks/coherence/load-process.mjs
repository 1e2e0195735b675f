/** A companion whose callers all ask for the same cold key. */
import { setTimeout as pause } from 'node:timers/promises';
import { openShared } from '../support/shared-service.mjs';

let opened;

/** Opens the service. */
export async function open(url) {
  opened = await openShared(url, { load: { single_flight: 'cluster' } });
}

/** At the moment `startNs` on the clock of the machine; resolves to the calls of the loader here and to when all had the value. */
export async function load({ key, startNs, callers, loaderMs }) {
  const client = opened.clients.load;
  const start = BigInt(startNs);
  const nowMs = () => Number(process.hrtime.bigint() - start) / 1e6;
  let calls = 0;
  const loader = async () => {
    calls++;
    await pause(loaderMs);
    return { loadedBy: process.pid };
  };
  await pause(Math.max(0, -nowMs()));
  const values = await Promise.all(Array.from({ length: callers }, () => client.getOrLoad(key, loader)));
  return { calls, endedMs: nowMs(), loadedBy: [...new Set(values.map((value) => value.loadedBy))] };
}

export const close = () => opened?.close();
