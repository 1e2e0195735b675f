/** A two-level service as several processes share it: everything at its default but what is said, and with the link up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { oxcache } from './package.mjs';

const LINK_DEADLINE_MS = 5000;

/** Opens services by name, each with its settings beyond `url`; resolves to their clients and to what closes them. */
export async function openShared(url, services) {
  const dir = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  const whole = Object.entries(services).map(([name, settings]) => [
    name,
    { cache_type: 'two-level', ttl: 600, l2: { connection_string: url }, ...settings },
  ]);
  const manager = await oxcache.createManager({
    global: { log_level: 'silent', wal: { dir } },
    services: Object.fromEntries(whole),
  });
  const clients = whole.map(([name]) => manager.client(name));
  const close = async () => {
    await manager.close();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    for (const client of clients) await linked(client);
  } catch (error) {
    await close();
    throw error;
  }
  return { clients: Object.fromEntries(clients.map((client) => [client.service, client])), close };
}

/** Resolves when a client hears of what other processes write; at once where its service is told not to. */
async function linked(client) {
  const deadline = performance.now() + LINK_DEADLINE_MS;
  const isUp = () => client.health().status === 'healthy' && client.health().sync?.status !== 'lost';
  while (!isUp()) {
    if (performance.now() > deadline) throw new Error(`no link: ${JSON.stringify(client.health())}`);
    await pause(5);
  }
}
