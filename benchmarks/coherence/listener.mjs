/** A companion that has a service open, reads nothing and writes nothing: it hears of what others write. */
import { setTimeout as pause } from 'node:timers/promises';
import { openShared } from '../support/shared-service.mjs';

const SETTLE_DEADLINE_MS = 5000;

let opened;

/** Opens one service. */
export async function open(url, service, settings) {
  opened = await openShared(url, { [service]: settings });
}

/** How many invalidations it heard of, as soon as there are `expected`, or as many as there will be; and how late they came. */
export async function heard(expected) {
  const [client] = Object.values(opened.clients);
  const deadline = performance.now() + SETTLE_DEADLINE_MS;
  while (client.metrics().invalidationsReceived < expected && performance.now() < deadline) await pause(10);
  const { invalidationsReceived, invalidationLag } = client.metrics();
  return { count: invalidationsReceived, lag: invalidationLag };
}

export const close = () => opened?.close();
