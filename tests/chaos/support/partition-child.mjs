// One of two processes that share a Redis: makes the calls its parent asks for and answers with what became of them.
// `node partition-child.mjs <JSON>`. Both know Redis by the same address and reach it on ways of their own, as two machines do.
import net from 'node:net';
import { syncBuiltinESMExports } from 'node:module';

const spec = JSON.parse(process.argv[2]);
const connect = net.createConnection;
const route = (options, ...rest) =>
  connect(options?.port === spec.knownPort ? { ...options, port: spec.routePort } : options, ...rest);
net.createConnection = route;
net.connect = route;
syncBuiltinESMExports();

const { createManager } = await import(spec.module);
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

const calls = {
  set: async ([key, n]) => (await client.set(key, { n })).l2,
  delete: async ([key]) => (await client.delete(key), 'deleted'),
  read: async ([key]) => (await client.getL2Only(key))?.n ?? null,
  state: async () => ({ status: client.health().status, owed: client.health().owed }),
  close: async () => {
    await manager.close({ deadline: '2s' });
    setImmediate(() => process.disconnect());
  },
};

process.on('message', ({ id, call, args }) => {
  calls[call](args).then(
    (answer) => process.send({ id, answer }),
    (error) => process.send({ id, error: String(error?.code ?? error) }),
  );
});
process.send({ id: 0, answer: 'ready' });
