/** A companion that invalidates one tag after the other. */
import { openShared } from '../support/shared-service.mjs';

let opened;
let timer;
let next = 0;
let failure;

/** Opens the service. */
export async function open(url, service) {
  opened = await openShared(url, { [service]: {} });
}

/** From now on one tag every `everyMs`. */
export function start(service, everyMs) {
  timer = setInterval(() => {
    opened.clients[service].invalidateTags(`item:${next++}`).catch((error) => (failure = error));
  }, everyMs);
}

/** No more; resolves to how many there were. */
export function stop() {
  clearInterval(timer);
  if (failure !== undefined) throw failure;
  return next;
}

export const close = () => opened?.close();
