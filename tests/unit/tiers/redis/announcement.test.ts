/** What the other processes are told of writes. */
import { expect, test } from '@jest/globals';
import { openMessage } from '../../../../lib/codec/invalidation-message.js';
import { Announcer } from '../../../../lib/tiers/redis/announcement.js';
import { KeySpace } from '../../../../lib/tiers/redis/key-space.js';
import type { RedisConnection } from '../../../../lib/tiers/redis/redis-connection.js';
import { tagMarkOf } from '../../../../lib/tiers/redis/tag-mark.js';

const OLDER = '17000000000000000me00000';
const NEWER = '17000000000010000me00000';

test('G4: an invalidation that Redis gave a newer version is told of with that one, or what is between them would be served', () => {
  const announcer = new Announcer({
    connection: { nodeId: 'me00000' } as RedisConnection,
    keySpace: new KeySpace('oxcache', 's'),
    transport: 'stream',
    timeoutMs: 1000,
  });
  const write = { redisKey: '', sealed: '', version: OLDER };
  const { message } = announcer.ofWrites([
    { ...write, key: 'k' },
    { ...write, key: tagMarkOf('t'), raised: NEWER },
    { ...write, key: tagMarkOf('u') },
  ]);
  expect(openMessage(message)).toMatchObject({
    version: NEWER,
    keys: ['k'],
    tags: [
      ['t', NEWER],
      ['u', OLDER],
    ],
  });
});
