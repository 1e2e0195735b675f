// Uses a cache whose passwords and values are easy to recognise, in one kind of trouble, and prints everything that the cache
// hands out about it: log lines of the default logger, errors with all their causes and properties, events, health, metrics.
// Arguments: the scenario, the port of a Redis, the password in the URL, the password as a setting, the value.
import { inspect } from 'node:util';
import { CACHE_EVENTS, createManager } from '../../../dist/index.js';

const [scenario, port, urlPassword, password, value] = process.argv.slice(2);

const print = (what) => {
  console.log(inspect(what, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null, breakLength: 130 }));
};

/** Errors show their causes; ioredis hangs further things on them, hidden or not. */
const attempt = async (work) => {
  try {
    const result = await work();
    if (result !== value) print(result instanceof Map ? [...result.keys()] : typeof result);
  } catch (error) {
    for (let at = error; at instanceof Error; at = at.cause) {
      print(at);
      print(Object.getOwnPropertyDescriptors(at));
      console.log(at.stack, JSON.stringify(at));
    }
  }
};

const l2 = { connection_timeout_ms: 400, command_timeout_ms: 200, max_value_size: 10_000 };
const inUrl = { ...l2, connection_string: `redis://app:${encodeURIComponent(urlPassword)}@127.0.0.1:${port}/0` };
const asSetting = { ...l2, connection_string: `redis://127.0.0.1:${port}`, username: 'app', password };
const tls = { ...asSetting, connection_string: `rediss://127.0.0.1:${port}`, tls: { ca_file: process.argv[1] } };

const config = (level) => ({
  global: { log_level: level },
  services: {
    url: { cache_type: 'two-level', l2: inUrl },
    setting: { cache_type: 'l2', l2: asSetting },
    ...(scenario === 'refused connection' ? { tls: { cache_type: 'l2', l2: tls } } : {}),
  },
});

const use = async (client) => {
  await attempt(() => client.set('key', value));
  await attempt(() =>
    client.setMany([
      ['key', value],
      ['key2', { inner: value }],
    ]),
  );
  await attempt(() => client.get('key'));
  await attempt(() => client.getL2Only('key'));
  await attempt(() => client.getMany(['key', 'key2', 'cold']));
  await attempt(() => client.getOrLoad('cold', () => value));
  await attempt(() => client.expire('key', 10));
  await attempt(() => client.delete('key2'));
  await attempt(() => client.set('large', value.repeat(1000)));
  await attempt(() => client.set('cyclic', Object.assign([value], { 1: 1n })));
  await attempt(() => client.set('key', value, { ttl: -1 }));
  await attempt(() => client.clear());
  print(client.health());
  print(client.metrics());
  print(client);
};

await attempt(() =>
  createManager({ services: { bad: { cache_type: 'l2', ttl: -1, l2: { ...inUrl, password, unknown: password } } } }),
);
const manager = await createManager(config('silly'));
for (const event of CACHE_EVENTS) manager.on(event, print);
print(manager.health());
for (const name of manager.services) {
  if (scenario === 'undecodable entries') {
    // Whoever runs this script now fills Redis with bytes that hold the value.
    if (name === 'url') {
      const filled = new Promise((resolve) => process.once('SIGUSR2', resolve));
      console.log('fill');
      await filled;
    }
    for (let i = 0; i < 6; i++) await attempt(() => manager.client(name).getL2Only(`broken${i}`));
  }
  await use(manager.client(name));
}
print(manager.health());
print(manager.metrics());
print(manager);
await manager.close({ deadline: '100ms' });
console.log('end');
