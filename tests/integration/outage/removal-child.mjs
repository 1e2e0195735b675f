// A process that writes and removes in the same breath, until it is killed, and the one that comes after it:
// `node removal-child.mjs <JSON>`. Each service is written and removed in two parts: keys that are deleted or invalidated by tag, and
// a service that is cleared as a whole.
//
// In the role `work` it says `ready`, waits for SIGUSR2, sets and removes, notes in its file what it was told, says `removed`, and stays.
// With `wait` it waits for SIGUSR1 between the two, and until Redis is in use. In the role `recover` it replays what was left, and notes
// what a further process without a log reads.
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const { module, role, config, waits, file } = JSON.parse(process.argv[2]);
const { createManager } = await import(module);
const names = Object.keys(config.services);
const clears = (name) => name.endsWith('-clear');

/** Ends only when it is told to. */
setInterval(() => undefined, 1000);
const say = (word) => process.stdout.write(`${word}\n`);
const isHealthy = (client) => client.health().status === 'healthy';

async function untilSettled(clients) {
  const isSettled = (client) => isHealthy(client) && (client.health().owed ?? client.metrics().loggedKeys) === 0;
  while (!clients.every(isSettled)) await delay(5);
}

/** Large enough to be compressed elsewhere than in the call. */
const valueOf = (word) => `${word} ${'All work and no play. '.repeat(2000)}`;

/** Calls everything in one turn; resolves to what is to be waited for. */
function write(client) {
  return [client.set('k', valueOf('removed')), client.set('tagged', valueOf('removed'), { tags: ['t'] })];
}

function remove(client, name) {
  return clears(name) ? [client.clear()] : [client.delete('k'), client.invalidateTags('t')];
}

async function work() {
  const manager = await createManager(config);
  const clients = names.map((name) => manager.client(name));
  for (const client of clients) {
    await Promise.all([client.set('k', 'before'), client.set('tagged', 'before', { tags: ['t'] })]);
    await client.flush();
  }
  await untilSettled(clients);
  const [go, more] = [once(process, 'SIGUSR2'), once(process, 'SIGUSR1')];
  say('ready');
  await go;
  const told = {};
  if (waits) {
    await Promise.all(clients.flatMap(write));
    for (const client of clients) await client.flush();
    say('set');
    await more;
    // As soon as there is one that can be used: the replay has just begun.
    while (!clients.some(isHealthy) && !clients.some((client) => client.health().status === 'replaying')) await delay(1);
  }
  await Promise.all(
    clients.map(async (client, i) => {
      const setting = waits ? [] : write(client);
      await Promise.all(remove(client, names[i]));
      // What is called after the removal was answered is not concerned.
      const { l2 } = await client.set('kept', 'kept');
      told[names[i]] = l2;
      await Promise.all(setting);
    }),
  );
  writeFileSync(file, JSON.stringify(told));
  say('removed');
}

async function recover() {
  const manager = await createManager(config);
  await untilSettled(names.map((name) => manager.client(name)));
  // Patient: a read that times out looks like one that finds nothing.
  const asReader = ({ l2, ...rest }) => ({ ...rest, l2: { ...l2, command_timeout_ms: 10_000 }, wal: { enabled: false } });
  const services = Object.fromEntries(names.map((name) => [name, asReader(config.services[name])]));
  const fresh = await createManager({ ...config, services });
  await untilSettled(names.map((name) => fresh.client(name)));
  const read = {};
  for (const name of names) {
    const found = await fresh.client(name).getMany(['k', 'tagged', 'kept']);
    read[name] = Object.fromEntries([...found].map(([key, value]) => [key, value.slice(0, 10)]));
  }
  writeFileSync(file, JSON.stringify(read));
  say('recovered');
}

await (role === 'work' ? work() : recover());
