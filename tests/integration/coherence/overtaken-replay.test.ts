/**
 * What was logged is not sent behind a newer write of the same process (G4): the newer one, or the mark of a deletion, may be evicted
 * before the older value arrives, and then nothing in Redis says any more that it is old.
 */
import { expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { HeldReplies } from '../../support/held-replies.js';
import { until } from '../../support/until.js';
import { passTime, useRig } from '../outage/rig.js';

const rig = useRig();
const NAME = 'oxcache:s:k';
/** What was logged while Redis is in use is replayed after a fifth of a second. */
const REPLAY_MS = 500;

test.each<readonly [string, (client: CacheClient) => Promise<unknown>, unknown]>([
  ['a deletion', (client) => client.delete('k'), undefined],
  ['a newer value', (client) => client.set('k', 'newer'), undefined],
  ['a clear', (client) => client.clear(), undefined],
])('%s that is on its way to Redis is not followed by an older value from the log', async (_name, write, expected) => {
  const server = await rig.startRedis();
  const held = await HeldReplies.connect(server);
  rig.afterwards(() => held.close());
  const l2 = { command_timeout_ms: 5000 };
  const manager = await rig.open({ s: { cache_type: 'l2', ttl: 600, l2 } }, { connections: held.redis });
  const client = manager.client('s');
  // Applied, but nobody can be told of it: Redis does not confirm it.
  await server.call('ACL', 'SETUSER', 'default', '-xadd');
  expect(await client.set('k', 'older')).toMatchObject({ l2: 'logged' });
  await server.call('ACL', 'SETUSER', 'default', '+xadd');
  await server.call('DEL', NAME);
  const hold = held.hold((name) => name === 'evalsha' || name === 'eval');
  const written = write(client);
  await hold.reached();
  // Evicted as soon as it is there, with all that says what is newer.
  await server.call('DEL', NAME);
  await passTime(REPLAY_MS);
  hold.release();
  await written;
  await until(() => client.health().owed === 0);
  expect(await client.get('k')).toEqual(expected);
});
