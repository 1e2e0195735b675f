/** An entry whose tags Redis was not able to say anything about was not read: that is no miss like any other (G6). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { collectEvents } from '../../support/collect-events.js';
import { HeldReplies } from '../../support/held-replies.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
const KEYS = Array.from({ length: 10 }, (_, i) => `k${i}`);
const TIMEOUT_MS = 300;
let server: RedisServer;
let held: HeldReplies;

beforeEach(async () => {
  server = await rig.startRedis();
  held = await HeldReplies.connect(server);
  const writer = (await rig.open({ s: twoLevelAt(server, { stale_ttl: 600 }) })).client('s');
  for (const key of KEYS) await writer.set(key, 'cached', { tags: ['red', `of ${key}`] });
});
afterEach(() => {
  held.close();
});

/** A process that does not hear of the others, so it asks about tags with each read. */
async function open(cacheType: 'two-level' | 'l2', more: object = {}): Promise<CacheClient> {
  const service = {
    cache_type: cacheType,
    ttl: 600,
    stale_ttl: 600,
    sync: { enabled: false },
    l2: { command_timeout_ms: TIMEOUT_MS },
  };
  const manager = await rig.open({ s: { ...service, ...more } }, { connections: held.redis });
  return manager.client('s');
}

/** From now on the questions for tags are not answered. */
function holdTags(): void {
  const hold = held.hold((name) => name === 'hmget');
  rig.afterwards(() => {
    hold.release();
  });
}

describe.each(['two-level', 'l2'] as const)('a service of type %s', (cacheType) => {
  test.each([
    ['get', (client: CacheClient) => client.get('k1'), undefined],
    ['lookup', async (client: CacheClient) => (await client.lookup('k1')).status, 'miss'],
    ['has', (client: CacheClient) => client.has('k1'), false],
    ['getL2Only', (client: CacheClient) => client.getL2Only('k1'), undefined],
    ['getOrLoad', (client: CacheClient) => client.getOrLoad('k1', () => 'loaded'), 'loaded'],
  ])('%s counts and reports the time-out', async (_name, call, answer) => {
    const client = await open(cacheType);
    const errors = collectEvents(client, 'error');
    holdTags();
    expect(await call(client)).toBe(answer);
    expect(client.metrics().l2Timeouts).toBeGreaterThanOrEqual(1);
    expect(errors[0]?.payload).toMatchObject({ service: 's', error: { code: 'CACHE_L2_TIMEOUT' } });
  });

  test('getMany counts each key, and reports them together', async () => {
    const client = await open(cacheType);
    const errors = collectEvents(client, 'error');
    holdTags();
    expect(await client.getMany(KEYS)).toEqual(new Map());
    expect(client.metrics().l2Timeouts).toBe(KEYS.length);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.payload).toMatchObject({ failed: KEYS.length, asked: KEYS.length });
  });

  test('expire rejects', async () => {
    const client = await open(cacheType);
    holdTags();
    await expect(client.expire('k1', '5m')).rejects.toMatchObject({ code: 'CACHE_L2_TIMEOUT', key: 'k1' });
  });
});

test('the stale copy in L1 is served, as when an entry could not be read', async () => {
  const client = await open('two-level', { l1: { ttl: 0.1 } });
  expect(await client.get('k1')).toBe('cached');
  await until(() => client.peek('k1') === undefined);
  holdTags();
  expect(await client.get('k1')).toBe('cached');
  expect(client.metrics().l2Timeouts).toBe(1);
});

test('a definite answer about one tag is one, even if another tag was not answered for', async () => {
  const client = await open('l2');
  await client.invalidateTags('red');
  holdTags();
  expect(await client.get('k1')).toBeUndefined();
  expect(client.metrics().l2Timeouts).toBe(0);
});
