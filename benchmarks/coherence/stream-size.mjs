/**
 * Bytes of a service's stream when it has as many messages as it keeps. The messages are the library's own, without the writes
 * they tell of.
 */
import { makeKeys } from '../support/keys.mjs';
import { dist, loadIoredis } from '../support/package.mjs';

const { Announcer } = await import(new URL('tiers/redis/announcement.js', dist));
const { KeySpace } = await import(new URL('tiers/redis/key-space.js', dist));
const { HybridClock } = await import(new URL('base/hybrid-clock.js', dist));
const { systemClock } = await import(new URL('base/clock.js', dist));

const BATCHES = 10_000;
const SIZES = [1, 200];
const AT_ONCE = 500;

/** See the file's header. */
export async function measureStream(redisUrl) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl);
  const hybridClock = new HybridClock(systemClock, 'bench00');
  const connection = { nodeId: 'bench00', send: (name, args) => redis.call(name, ...args) };
  const figures = [];
  for (const size of SIZES) {
    const keySpace = new KeySpace('oxcache', `stream-${size}`);
    const announcer = new Announcer({ connection, keySpace, transport: 'stream', timeoutMs: 5000 });
    const keys = makeKeys(size * 100);
    for (let from = 0; from < BATCHES; from += AT_ONCE) {
      const sent = [];
      for (let batch = from; batch < from + AT_ONCE; batch++) {
        const first = (batch * size) % keys.length;
        const writes = keys
          .slice(first, first + size)
          .map((key) => ({ key, version: hybridClock.versionOf(hybridClock.stamp()) }));
        sent.push(announcer.send(announcer.ofWrites(writes)));
      }
      await Promise.all(sent);
    }
    const bytes = await redis.memory('USAGE', keySpace.stream, 'SAMPLES', 0);
    const length = await redis.xlen(keySpace.stream);
    await redis.del(keySpace.stream);
    const who = `stream after ${BATCHES} batches of ${size} key${size > 1 ? 's' : ''}`;
    figures.push({
      figure: who,
      unit: 'MB',
      measured: bytes / 1e6,
      note: `${length} messages of ${(bytes / length).toFixed(0)} bytes`,
    });
  }
  redis.disconnect();
  return figures;
}
