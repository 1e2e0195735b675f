/** What the other processes are told of writes. */
import { expect, test } from '@jest/globals';
import { openMessage } from '../../../../lib/codec/invalidation-message.js';
import { Announcer } from '../../../../lib/tiers/redis/announcement.js';
import { KeySpace } from '../../../../lib/tiers/redis/key-space.js';
import type { RedisConnection } from '../../../../lib/tiers/redis/redis-connection.js';
import { tagMarkOf } from '../../../../lib/tiers/redis/tag-mark.js';

const OLDER = '17000000000000000me00000';
const NEWER = '17000000000010000me00000';

test('G4: each invalidation is told of with its own version, and the message with the newest of all', () => {
  const announcer = new Announcer({
    connection: { nodeId: 'me00000' } as RedisConnection,
    keySpace: new KeySpace('oxcache', 's'),
    transport: 'stream',
    timeoutMs: 1000,
  });
  const { message } = announcer.ofWrites([
    { key: 'k', version: OLDER },
    { key: tagMarkOf('t'), version: NEWER },
    { key: tagMarkOf('u'), version: OLDER },
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
