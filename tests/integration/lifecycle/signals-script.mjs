// A program that is told to end by a signal. Arguments: the scenario, the port of a Redis.
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { closeOnSignals, createManager, init, shutdown } from '../../../dist/index.js';

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

const untilDraining = async (manager) => {
  while (manager.health().status !== 'draining') await new Promise((resolve) => setTimeout(resolve, 5));
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
    await untilDraining(manager);
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
  async 'a server that is asked something'() {
    const manager = await init(config());
    const cache = manager.client('behind');
    await cache.set('row', 'old');
    await cache.flush();
    const told = new EventEmitter();
    const server = createServer(async (request, response) => {
      console.log('asked');
      // The database is being updated when the signal comes.
      await once(told, 'end');
      await new Promise((resolve) => setTimeout(resolve, 50));
      response.end(JSON.stringify({ deleted: await cache.delete('row'), status: manager.health().status }));
    });
    server.listen(0, '127.0.0.1', () => {
      fetch(`http://127.0.0.1:${server.address().port}/`)
        .then((response) => response.text())
        .then(console.log);
    });
    closeOnSignals({
      before: async () => {
        console.log('before', manager.health().status);
        told.emit('end');
        server.close();
        await once(server, 'close');
      },
      after: () => console.log('after', manager.health().status),
    });
    serve();
  },
  async 'steps that fail'() {
    closeOnSignals({
      manager: await createManager(l1),
      before: () => Promise.reject(new Error('no redis://user:secret@host')),
      after: () => {
        throw new Error('no');
      },
    });
    serve();
  },
  async 'steps that never end'() {
    closeOnSignals({
      manager: await createManager(l1),
      deadline: '50ms',
      before: () => new Promise(() => undefined),
      after: () => new Promise(() => undefined),
    });
    serve();
  },
  async 'thirty cycles'() {
    for (let i = 0; i < 30; i++) {
      if (i % 3 === 0) closeOnSignals();
      await init(l1);
      if (i % 3 === 1) closeOnSignals();
      const manager = await createManager(l1);
      closeOnSignals({ manager });
      await manager.close();
      await shutdown();
    }
    console.log(process.listenerCount('SIGTERM'), process.listenerCount('SIGINT'));
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
