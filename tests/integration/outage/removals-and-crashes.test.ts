/**
 * A removal beats every write that was called before it: one that gathers, that is being compressed, that is on its way, that Redis
 * carried out without being heard, that is logged, that is being replayed (G4). Once the removal has resolved, that also holds if the
 * process is killed (G7, G17): nothing of what was removed is read after its log was replayed.
 *
 * A deletion that is written behind without `wal.mode = "always"` is queued, as a set is, and no more than that.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import type { RedisServer } from '../../support/redis-server.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { useRig, type ServiceConfig } from './rig.js';

const rig = useRig();

const CHILD = fileURLToPath(new URL('removal-child.mjs', import.meta.url));
const MODULE = new URL('../../../dist/index.js', import.meta.url).href;
const PATIENCE_MS = 30_000;

/** Every combination of the settings that decide which way a write takes; each once to be cleared, once for its keys. */
function servicesAt(port: number): Record<string, ServiceConfig> {
  const services: Record<string, ServiceConfig> = {};
  const l2 = { connection_string: `redis://127.0.0.1:${port}`, command_timeout_ms: 150, connection_timeout_ms: 250 };
  for (const way of ['through', 'behind', 'l2'])
    for (const compression of ['none', 'gzip'] as const)
      for (const mode of ['outage', 'always'])
        for (const fsync of ['always', 'interval', 'never'])
          for (const size of way === 'l2' ? [0] : [1, 200])
            for (const end of ['keys', 'clear']) {
              const batching = {
                write_through: way === 'through',
                enable_batch_write: true,
                batch_size: size,
                batch_interval_ms: 20,
              };
              services[`${way}-${compression}-${mode}-${fsync}-${size}-${end}`] = {
                cache_type: way === 'l2' ? 'l2' : 'two-level',
                ttl: 600,
                l2: { ...l2, compression },
                ...(way === 'l2' ? {} : { two_level: batching }),
                wal: { dir: join(rig.folder, 'wal'), mode, fsync } as ServiceConfig['wal'],
              };
            }
  return services;
}

/** What is around a process while it works. */
interface World {
  readonly redis: RedisServer;
  readonly proxy: TcpFaultProxy;
}

interface Scene {
  /** Before it sets and removes. */
  readonly before?: (world: World) => unknown;
  /** Between the two; absent: both are called in one turn. */
  readonly between?: (world: World) => unknown;
  /** After the process was killed. */
  readonly after?: (world: World) => unknown;
}

const resume = ({ proxy }: World): Promise<void> => proxy.resume();

const SCENES: readonly (readonly [string, Scene])[] = [
  ['Redis answers', {}],
  ['nothing reaches Redis', { before: ({ proxy }) => proxy.halfOpen('toServer'), after: resume }],
  ['the answers of Redis are lost', { before: ({ proxy }) => proxy.halfOpen('toClient'), after: resume }],
  [
    'Redis hangs, and carries out later what it was sent',
    { before: ({ redis }) => redis.freeze(), after: ({ redis }) => redis.thaw() },
  ],
  ['what was set is logged, and its replay has begun', { before: ({ proxy }) => proxy.blackhole(), between: resume }],
  [
    'what was set is carried out and logged, and its replay has begun',
    { before: ({ proxy }) => proxy.halfOpen('toClient'), between: resume },
  ],
];

/** Nothing of what was removed is read, and what was called after the removal is. */
function wrongIn(told: Record<string, string>, read: Record<string, Record<string, string>>): string[] {
  const wrong: string[] = [];
  for (const [name, found] of Object.entries(read)) {
    const isQueuedOnly = name.startsWith('behind') && name.includes('-outage-');
    for (const key of ['k', 'tagged']) {
      const isDeletion = key === 'k' && name.endsWith('-keys');
      if (found[key] !== undefined && !(isDeletion && isQueuedOnly)) wrong.push(`${name}: ${key} is ${found[key]}`);
    }
    const isSafe = ['written', 'logged'].includes(told[name] ?? '') || (told[name] === 'queued' && !isQueuedOnly);
    if (isSafe && found.kept === undefined) wrong.push(`${name}: what came after (${told[name]}) is lost`);
  }
  return wrong;
}

test.each(SCENES)(
  'while %s, a clear, a deletion and an invalidation leave nothing of what was called before, though the process is killed (G4, G7, G17)',
  async (_when, { before, between, after }) => {
    const redis = await rig.startRedis();
    const proxy = await rig.startProxy(redis);
    const world = { redis, proxy };
    const config = { global: { log_level: 'silent', health_check_interval: 1 }, services: servicesAt(proxy.port) };
    const start = (role: string, file: string): RunningScript => {
      const spec = { module: process.env.OXCACHE_MODULE ?? MODULE, role, config, waits: between !== undefined, file };
      const child = startScript(CHILD, { args: [JSON.stringify(spec)], deadlineMs: 2 * PATIENCE_MS });
      rig.afterwards(() => {
        child.kill();
        return child.done;
      });
      return child;
    };
    const told = join(rig.folder, 'told.json');
    const child = start('work', told);
    await child.printed('ready', PATIENCE_MS);
    await before?.(world);
    child.kill('SIGUSR2');
    if (between !== undefined) {
      await child.printed('set', PATIENCE_MS);
      await between(world);
      child.kill('SIGUSR1');
    }
    await child.printed('removed', PATIENCE_MS);
    child.kill();
    await child.done;
    await after?.(world);
    const read = join(rig.folder, 'read.json');
    await start('recover', read).printed('recovered', PATIENCE_MS);
    const parse = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
    expect(Object.keys(parse<object>(told))).toHaveLength(Object.keys(config.services).length);
    expect(wrongIn(parse(told), parse(read))).toEqual([]);
  },
  3 * PATIENCE_MS,
);
