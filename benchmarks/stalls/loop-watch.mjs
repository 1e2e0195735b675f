/**
 * The longest time for which the event loop did not turn. A stall counts with no more than the processor time that the thread of
 * the event loop had in it: while others have the processor, the loop stands still without any doing of its own. Linux says so
 * to within its own tick; elsewhere the process is taken for the thread.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** How late Linux notes the time of a thread that runs. */
const TICK_MS = 4;

/** Watches the event loop while `act` runs; resolves to its result and the longest stall in milliseconds. */
export async function watchLoop(act) {
  const thread = openThread();
  let longestMs = 0;
  let isOver = false;
  let lastMs = performance.now();
  let lastUsedMs = thread.usedMs();
  const note = () => {
    const nowMs = performance.now();
    const usedMs = thread.usedMs();
    longestMs = Math.max(longestMs, Math.min(nowMs - lastMs, usedMs - lastUsedMs + TICK_MS));
    lastMs = nowMs;
    lastUsedMs = usedMs;
  };
  const turn = () => {
    note();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    const result = await act();
    isOver = true;
    // The turn in which the call ended counts too.
    await new Promise((resolve) => setImmediate(resolve));
    return { result, stallMs: longestMs };
  } finally {
    thread.close();
  }
}

/** The processor time of the main thread. */
function openThread() {
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`);
    const bytes = Buffer.alloc(64);
    const usedMs = () => Number(bytes.latin1Slice(0, readSync(file, bytes, 0, bytes.length, 0)).split(' ', 1)[0]) / 1e6;
    usedMs();
    return { usedMs, close: () => closeSync(file) };
  } catch {
    const usedMs = () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    };
    return { usedMs, close: () => undefined };
  }
}
