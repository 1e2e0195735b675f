// One of two processes that share a Redis: makes the calls its parent asks for and answers with what became of them.
// `node partition-child.mjs <JSON>`. Both know Redis by the same address and reach it on ways of their own, as two machines do.
import { serveCalls } from '../../support/serve-calls.mjs';
import { routePorts } from './route-ports.mjs';

const spec = JSON.parse(process.argv[2]);
routePorts({ [spec.knownPort]: spec.routePort });

const { createManager } = await import('../../../dist/index.js');
const clock = {
  nowMs: () => performance.timeOrigin + performance.now() + spec.clockOffsetMs,
  schedule(callback, delayMs, isAwaited = false) {
    const timer = setTimeout(callback, delayMs);
    if (!isAwaited) timer.unref();
    return () => clearTimeout(timer);
  },
};
const manager = await createManager(spec.config, { clock });
const client = manager.client('shared');

serveCalls({
  set: async (key, n) => (await client.set(key, { n })).l2,
  delete: async (key) => (await client.delete(key), 'deleted'),
  read: async (key) => (await client.getL2Only(key))?.n ?? null,
  state: () => ({ status: client.health().status, owed: client.health().owed }),
  close: () => manager.close({ deadline: '2s' }),
});
