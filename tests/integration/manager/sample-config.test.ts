/** The configuration most users begin with, as they write it: everything it says is what is applied. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { until } from '../../support/until.js';
import { Workbench } from '../clients/workbench.js';

const bench = new Workbench();

const sample = (url: string): string => `
[global]
default_ttl = 3600
health_check_interval = 30
serialization = "json"
enable_metrics = true

[services.user_cache]
cache_type = "two-level"
ttl = 600

[services.user_cache.l1]
max_capacity = 10000
ttl = 300
tti = 180
initial_capacity = 1000

[services.user_cache.l2]
mode = "standalone"
connection_string = "${url}"

[services.user_cache.two_level]
write_through = true
promote_on_hit = true
enable_batch_write = true
batch_size = 100
batch_interval_ms = 50
`;

const projectFolder = process.cwd();
let folder: string;
let clock: FakeClock;
let manager: CacheManager;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oxcache-sample-'));
  // The logs are in a folder below the working directory unless the configuration says otherwise.
  process.chdir(folder);
  clock = new FakeClock();
  manager = await createManager(save(sample(bench.server.url)), { clock, logger: quiet });
});

afterEach(async () => {
  await manager.close();
  process.chdir(projectFolder);
  rmSync(folder, { recursive: true, force: true });
});

function save(text: string): string {
  const file = join(folder, 'config.toml');
  writeFileSync(file, text);
  return file;
}

/** A fake clock that jumps makes Redis look slow, which is logged. */
const ignore = (): void => undefined;
const quiet = { error: ignore, warn: ignore, info: ignore, debug: ignore };

const pttl = (key: string): Promise<number> => bench.pttl(key, 'user_cache');

describe('the sample configuration', () => {
  test('G2: gives an entry 600 seconds in Redis', async () => {
    await manager.client('user_cache').set('k', 'v');
    expect(await pttl('k')).toBeGreaterThan(598_000);
    expect(await pttl('k')).toBeLessThanOrEqual(600_010);
    await manager.client('user_cache').getOrLoad('loaded', () => 'v');
    expect(await pttl('loaded')).toBeGreaterThan(598_000);
    expect(await pttl('loaded')).toBeLessThanOrEqual(600_010);
  });

  test('G2: gives a copy that is read 300 seconds in L1', async () => {
    const client = manager.client('user_cache');
    await client.set('k', 'v');
    for (let second = 0; second < 290; second += 10) {
      clock.advance(10_000);
      expect(client.peek('k')).toBe('v');
    }
    clock.advance(9999);
    expect(client.peek('k')).toBe('v');
    clock.advance(1);
    expect(client.peek('k')).toBeUndefined();
  });

  test('G2: gives a copy that nobody reads 180 seconds in L1', async () => {
    const client = manager.client('user_cache');
    await client.set('read', 'v');
    await client.set('idle', 'v');
    clock.advance(179_000);
    expect(client.peek('read')).toBe('v');
    clock.advance(1000);
    expect(client.peek('read')).toBe('v');
    expect(client.peek('idle')).toBeUndefined();
    // Redis has it for longer.
    expect(await pttl('idle')).toBeGreaterThan(595_000);
  });

  test('holds 10,000 entries in L1 and no more, and all of them in Redis', async () => {
    const client = manager.client('user_cache');
    const entries = Array.from({ length: 10_500 }, (_, i) => [`k${i}`, i] as const);
    await client.setMany(entries.slice(0, 10_000));
    expect(client.metrics()).toMatchObject({ l1Entries: 10_000, evictions: 0 });
    await client.setMany(entries.slice(10_000));
    expect(client.metrics()).toMatchObject({ l1Entries: 10_000, evictions: 500 });
    expect(await bench.names()).toHaveLength(10_500);
  });

  test('writes through: set resolves once Redis has the entry, in batches of at most 100', async () => {
    const client = manager.client('user_cache');
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
    expect(await bench.server.call('EXISTS', 'oxcache:user_cache:k')).toBe(1);
    const counts = await bench.countCommands(() => Promise.all(Array.from({ length: 250 }, (_, i) => client.set(`k${i}`, i))));
    expect(counts['evalsha']).toBeGreaterThanOrEqual(3);
    expect(counts['evalsha']).toBeLessThanOrEqual(16);
    expect(counts['set']).toBe(250);
  });

  test('writes JSON that another program can read after the header', async () => {
    await manager.client('user_cache').set('k', { name: 'Ada', ids: [1, 2] });
    const raw = String(await bench.server.call('GET', 'oxcache:user_cache:k'));
    expect(raw.slice(0, 3)).toBe('OX1');
    expect(JSON.parse(raw.slice(80))).toEqual({ name: 'Ada', ids: [1, 2] });
  });

  test('checks a connection after 30 seconds, and not before', async () => {
    const client = manager.client('user_cache');
    // Only checks ask for the time here; how often each of them does depends on how fast the answers are.
    const timesAsked = async (): Promise<number> => {
      const stats = String(await bench.server.call('INFO', 'commandstats'));
      return Number(/cmdstat_time:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    await bench.server.call('CONFIG', 'RESETSTAT');
    // In steps: a command under way while a clock jumps is late, and what is late brings a check forward, and with it the next one.
    const stepMs = 100;
    for (let passedMs = 0; passedMs < 29_900; passedMs += stepMs) {
      clock.advance(stepMs);
      await client.getL2Only('x');
    }
    clock.advance(stepMs - 1);
    // A check would have been sent before this read, over the same connection.
    await client.getL2Only('x');
    expect(await timesAsked()).toBe(0);
    clock.advance(1);
    await until(async () => (await timesAsked()) > 0);
    expect(client.health().l2?.status).toBe('healthy');
  });

  test('works for two processes: what one sets the other gets, and promotes', async () => {
    const other = await createManager(join(folder, 'config.toml'), { clock, logger: quiet });
    await manager.client('user_cache').set('k', { n: 1 });
    expect(await other.client('user_cache').get('k')).toEqual({ n: 1 });
    expect(other.client('user_cache').peek('k')).toEqual({ n: 1 });
    expect(other.metrics()['user_cache']).toMatchObject({ l2Hits: 1, l1Hits: 1, promotions: 1 });
    await other.close();
  });
});
