/**
 * The clock of the Redis server is set back, or forward, while services are in use (G17): what was cleared or invalidated stays gone, and
 * what is written afterwards is there, in the process that ran before the step, in a second one, and in one that starts after it.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { ServiceConfig } from '../../../lib/config/config-object.js';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { RedisServer } from '../../support/redis-server.js';
import { SteppedClock } from '../../support/stepped-clock.js';
import { until } from '../../support/until.js';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const KEYS = Array.from({ length: 200 }, (_, i) => `k${i}`);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** How processes hear of each other. */
const WAYS = {
  stream: { cache_type: 'two-level', sync: { transport: 'stream' } },
  pubsub: { cache_type: 'two-level', sync: { transport: 'pubsub' } },
  'l2 only': { cache_type: 'l2' },
  'no sync': { cache_type: 'l2', sync: { enabled: false } },
} as const satisfies Record<string, Partial<ServiceConfig>>;
type Way = keyof typeof WAYS;

class Scene {
  readonly clock: SteppedClock;
  readonly server: RedisServer;
  readonly #way: Way;

  private constructor(clock: SteppedClock, server: RedisServer, way: Way) {
    this.clock = clock;
    this.server = server;
    this.#way = way;
  }

  static async start(way: Way): Promise<Scene> {
    const clock = new SteppedClock();
    cleanups.push(() => clock.remove());
    const server = await RedisServer.start({ clock });
    cleanups.push(() => server.stop());
    return new Scene(clock, server, way);
  }

  /** A process of its own, as far as versions are concerned. */
  async open(): Promise<CacheClient> {
    const manager: CacheManager = await createManager({
      global: { log_level: 'silent', health_check_interval: 1, wal: { enabled: false } },
      services: { s: { ttl: 7200, ...WAYS[this.#way], l2: { connection_string: this.server.url } } },
    });
    cleanups.push(() => manager.close({ deadline: '1s' }));
    const client = manager.client('s');
    if (this.#way === 'stream' || this.#way === 'pubsub')
      await until(() => client.health().sync?.status === 'connected', { describe: 'the link' });
    return client;
  }

  /** What a process finds of all keys, in Redis and, once it has had the time to hear of it, anywhere. */
  async found(client: CacheClient): Promise<number> {
    const hears = this.#way === 'stream' || this.#way === 'pubsub';
    if (hears) await until(() => KEYS.every((key) => client.peek(key) === undefined), { describe: 'L1 to be dropped' });
    return (await client.getMany(KEYS)).size;
  }
}

const STEPS = { 'back by 30 s': -30, 'back by 2 min': -120, 'back by 1 h': -3600, 'forward by 30 s': 30, 'forward by 1 h': 3600 };

describe.each(Object.keys(WAYS) as Way[])('with %s', (way) => {
  describe.each(Object.entries(STEPS))('a step %s', (_what, seconds) => {
    const entries = KEYS.map((key) => [key, 'old'] as const);

    test.each(['running', 'second', 'fresh'] as const)(
      'a clear by a %s process leaves nothing, and what follows is there',
      async (who) => {
        const scene = await Scene.start(way);
        const [first, second] = [await scene.open(), await scene.open()];
        await first.setMany(entries, { tags: ['t'] });
        await second.getMany(KEYS);
        scene.clock.step(seconds * SECOND_MS);
        const fresh = await scene.open();
        const caller = { running: first, second, fresh }[who];
        await caller.clear();
        expect(await caller.getMany(KEYS)).toEqual(new Map());
        for (const client of [first, second, fresh, await scene.open()]) expect(await scene.found(client)).toBe(0);
        for (const writer of [fresh, first, second, await scene.open()]) {
          await expectKept(writer, [first, second, fresh, await scene.open()]);
        }
      },
    );

    test.each(['running', 'second', 'fresh'] as const)(
      'the invalidation of a tag by a %s process leaves nothing, and what follows is there',
      async (who) => {
        const scene = await Scene.start(way);
        const [first, second] = [await scene.open(), await scene.open()];
        await first.setMany(entries, { tags: ['t'] });
        await second.getMany(KEYS);
        scene.clock.step(seconds * SECOND_MS);
        const fresh = await scene.open();
        const caller = { running: first, second, fresh }[who];
        await caller.invalidateTags('t');
        expect(await caller.getMany(KEYS)).toEqual(new Map());
        for (const client of [first, second, fresh, await scene.open()]) expect(await scene.found(client)).toBe(0);
        for (const writer of [fresh, first, second, await scene.open()]) {
          await expectKept(writer, [first, second, fresh, await scene.open()]);
        }
      },
    );
  });
});

let writes = 0;

/** A value with the tag, written now, is seen by everybody. */
async function expectKept(writer: CacheClient, readers: readonly CacheClient[]): Promise<void> {
  const value = `new ${++writes}`;
  expect((await writer.set('after', value, { tags: ['t'] })).l2).toBe('written');
  expect(await writer.get('after')).toBe(value);
  for (const reader of readers) {
    await until(async () => (await reader.get('after')) === value, { describe: () => `"${value}" to be read` });
  }
}

test('what was written before a step of two minutes back does not come back to life when the time has passed', async () => {
  const scene = await Scene.start('stream');
  const first = await scene.open();
  await first.setMany(
    KEYS.map((key) => [key, 'old'] as const),
    { tags: ['t'] },
  );
  scene.clock.step(-2 * MINUTE_MS);
  const fresh = await scene.open();
  await fresh.invalidateTags('t');
  await fresh.set('kept', 'new', { tags: ['t'] });
  scene.clock.step(0);
  for (const client of [first, fresh, await scene.open()]) {
    expect(await scene.found(client)).toBe(0);
    expect(await client.get('kept')).toBe('new');
  }
});

test('G2: what was written before a step of an hour back is not served for that hour more', async () => {
  const scene = await Scene.start('l2 only');
  const first = await scene.open();
  await first.set('k', 'old', '10s');
  scene.clock.step(-60 * MINUTE_MS);
  const fresh = await scene.open();
  expect(await fresh.get('k')).toBeUndefined();
  await until(async () => (await first.get('k')) === undefined, { describe: 'the clocks to be compared again' });
  await fresh.set('k', 'new', '10s');
  expect(await fresh.get('k')).toBe('new');
  await until(async () => (await first.get('k')) === 'new');
});
