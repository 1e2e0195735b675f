// A program that is told to end by a signal. Arguments: the scenario, the port of a Redis.
import { closeOnSignals, createManager, init } from '../../../dist/index.js';

const [scenario, port] = process.argv.slice(2);
const behind = {
  cache_type: 'two-level',
  l2: { connection_string: `redis://127.0.0.1:${port}` },
  two_level: { write_through: false, enable_batch_write: true, batch_size: 10_000, batch_interval_ms: 60_000 },
  wal: { enabled: false },
};
const config = (name = 'behind') => ({ global: { log_level: 'silent' }, services: { [name]: behind } });
const l1 = { global: { log_level: 'silent' }, services: { l1: { cache_type: 'l1' } } };

/** Puts 300 writes where they wait for a minute, unless the cache is closed. */
const write = async (manager, name = 'behind') => {
  for (let i = 0; i < 300; i++) await manager.client(name).set(`k${i}`, i);
};

const serve = () => {
  setInterval(() => undefined, 60_000);
  console.log('ready');
};

const untilClosed = async (manager) => {
  while (manager.health().status !== 'closed') await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Exits with 7 a while after the helper is done, which shows in the handlers that are left: long enough for a signal it should not raise. */
const exitAfterRemoval = async (left) => {
  while (process.listenerCount('SIGTERM') > left) await new Promise((resolve) => setTimeout(resolve, 5));
  setTimeout(() => process.exit(7), 200);
};

/** A manager whose closing takes as long as a load that never ends. */
const loadForever = async () => {
  const manager = await createManager(l1);
  manager
    .client('l1')
    .getOrLoad('k', () => new Promise(() => undefined))
    .catch(() => undefined);
  return manager;
};

const SCENARIOS = {
  async 'one manager'() {
    await write(await init(config()));
    closeOnSignals();
    serve();
  },
  async 'two managers'() {
    for (const name of ['a', 'b']) {
      const manager = await createManager(config(name));
      await write(manager, name);
      closeOnSignals({ manager, signals: ['SIGHUP', 'SIGTERM'] });
    }
    serve();
  },
  async 'a handler of its own'() {
    await write(await init(config()));
    process.on('SIGTERM', () => exitAfterRemoval(1));
    closeOnSignals();
    serve();
  },
  async 'a handler of its own, once'() {
    await write(await init(config()));
    process.once('SIGTERM', () => exitAfterRemoval(0));
    closeOnSignals();
    serve();
  },
  async 'a load that never ends'() {
    const manager = await loadForever();
    closeOnSignals({ manager, deadline: '1m' });
    serve();
    await untilClosed(manager);
    console.log('closing');
  },
  async 'a load that never ends, with a deadline'() {
    closeOnSignals({ manager: await loadForever(), deadline: '100ms' });
    serve();
  },
  async 'closing that fails'() {
    closeOnSignals({ manager: { close: () => Promise.reject(new Error('no')) } });
    serve();
  },
  async 'closing that never ends'() {
    closeOnSignals({ manager: { close: () => new Promise(() => undefined) }, deadline: '10ms' });
    serve();
  },
  async 'handlers that were removed'() {
    const remove = closeOnSignals({ manager: { close: () => console.log('closed') } });
    remove();
    remove();
    serve();
  },
  async 'no manager'() {
    closeOnSignals();
    serve();
  },
  async 'nothing to do'() {
    await init(l1);
    closeOnSignals();
  },
};

await SCENARIOS[scenario]();
