/**
 * What services cost by their number: opening a manager with 1,000 of them next to one with a single service, each time in a
 * fresh process against the same Redis, and the commands that an idle process with ten services sends.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dist } from '../support/package.mjs';
import { median, quantile } from '../support/statistics.mjs';

const ROUNDS = 5;
const MANY = 1000;
const IDLE_MS = 20_000;
const GOAL_MS = 1000;
const GOAL_MIB = 60;
const MIB = 1024 * 1024;

export function run({ redisUrl }) {
  const folder = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  try {
    const rounds = Array.from({ length: ROUNDS }, () => ({ one: open(1), many: open(MANY) }));
    const figure = (name, numbers, goal, unit) => ({
      figure: name,
      goal,
      unit,
      measured: median(numbers),
      low: quantile(numbers, 0.25),
      high: quantile(numbers, 0.75),
    });
    return [
      figure(
        `init with ${MANY} services`,
        rounds.map(({ many }) => many.ms),
        ['<=', GOAL_MS],
        'ms',
      ),
      figure(
        'init with one service',
        rounds.map(({ one }) => one.ms),
        undefined,
        'ms',
      ),
      figure(
        `memory of ${MANY} services above one`,
        rounds.map(({ one, many }) => (many.bytes - one.bytes) / MIB),
        ['<=', GOAL_MIB],
        'MiB',
      ),
      figure('commands an idle process with 10 services sends', [open(10, IDLE_MS).commandsPerSecond], ['<=', 1], '/s'),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  /** Opens a manager in a process of its own; resolves to what that took, and what it sent to Redis while it was idle. */
  function open(count, idleMs = 0) {
    const text = `(${program.toString()})(...${JSON.stringify([new URL('index.js', dist).href, redisUrl, folder, count, idleMs])})`;
    const child = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', text], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    });
    if (child.status !== 0) throw new Error(child.stderr);
    return JSON.parse(child.stdout);
  }
}

async function program(entry, url, folder, count, idleMs) {
  const { createManager } = await import(entry);
  const { Redis } = await import('ioredis');
  const service = { cache_type: 'two-level', ttl: 600, l2: { connection_string: url } };
  const services = Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, service]));
  const startedMs = performance.now();
  const manager = await createManager({ global: { log_level: 'silent', wal: { dir: folder } }, services });
  const ms = performance.now() - startedMs;
  globalThis.gc();
  const { rss } = process.memoryUsage();
  const watcher = new Redis(url);
  const sent = async () =>
    [...(await watcher.info('commandstats')).matchAll(/cmdstat_(?!info)\S+:calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  const settle = idleMs === 0 ? 0 : 3000;
  await new Promise((resolve) => setTimeout(resolve, settle));
  const before = await sent();
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const commandsPerSecond = idleMs === 0 ? 0 : ((await sent()) - before) / (idleMs / 1000);
  watcher.disconnect();
  await manager.close();
  console.log(JSON.stringify({ ms, bytes: rss, commandsPerSecond }));
}
