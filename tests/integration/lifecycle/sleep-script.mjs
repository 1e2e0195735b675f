// A process whose machine seems to sleep: the wall clock goes on, monotonic time stands still. It stores values with a life of 3 s,
// sleeps when it is sent SIGUSR2, and prints what it reads first on waking, then what it reads of a value stored after that.
// Arguments: the address of Redis, the folder of its log, for how many milliseconds it sleeps.
import { setTimeout as delay } from 'node:timers/promises';

const [url, dir, sleepMs] = process.argv.slice(2);
const wallMs = Date.now;
let sleptMs = 0;
Date.now = () => wallMs() + sleptMs;

const { createManager } = await import('../../../dist/index.js');
const manager = await createManager({
  global: { log_level: 'error', health_check_interval: 3600, wal: { dir } },
  services: {
    l1: { cache_type: 'l1', ttl: 3 },
    l2: { cache_type: 'l2', ttl: 3, l2: { connection_string: url } },
    two: { cache_type: 'two-level', ttl: 3, l2: { connection_string: url } },
  },
});
const clients = manager.services.map((name) => [name, manager.client(name)]);
const readAll = async () =>
  Object.fromEntries(await Promise.all(clients.map(async ([name, client]) => [name, (await client.get('k')) ?? null])));

process.once('SIGUSR2', async () => {
  sleptMs += Number(sleepMs);
  const peeked = manager.client('two').peek('k') ?? null;
  const read = await readAll();
  // Until the clocks were compared.
  await delay(200);
  for (const [, client] of clients) await client.set('k', 'new');
  console.log(JSON.stringify({ peeked, read, again: await readAll() }));
  await manager.close();
});
const alive = setInterval(() => undefined, 1000);
for (const [, client] of clients) await client.set('k', 'old');
console.log(`before: ${JSON.stringify(await readAll())}`);
process.once('SIGUSR2', () => clearInterval(alive));
