import { describe, expect, test } from '@jest/globals';
import { sealMessage } from '../../../lib/codec/invalidation-message.js';
import { BusInbox, MAX_READ_ITEMS, MAX_READ_LENGTH } from '../../../lib/sync/bus-inbox.js';
import type { BusFollower } from '../../../lib/sync/invalidation-bus.js';

const VERSION = '17672256001230007bbbbbbb';

function inboxOf(overrides: Partial<BusFollower> = {}): { inbox: BusInbox; told: string[] } {
  const told: string[] = [];
  const follower: BusFollower = {
    streamName: 's',
    channelName: 'c',
    origin: 'aaaaaaa',
    receive: ({ kind, keys }, lagMs) => told.push(`${kind} ${keys.join()} ${String(lagMs)}`),
    ignored: () => told.push('ignored'),
    gap: (reason) => told.push(`gap: ${reason}`),
    linkLost: (reason) => told.push(`lost: ${reason}`),
    linkRestored: () => told.push('restored'),
    ...overrides,
  };
  return { inbox: new BusInbox(follower), told };
}

const fail = (): never => {
  throw new Error('broken');
};

describe('the inbox of a follower', () => {
  test('hands over messages of others, and nothing of its own process', () => {
    const { inbox, told } = inboxOf();
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'k', ['x', 'y']), 3);
    inbox.deliver(sealMessage('aaaaaaa', VERSION, 'k', ['mine']), 3);
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'c'), undefined);
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'h'), 3);
    inbox.deliver('foreign', 3);
    inbox.deliver(undefined, 3);
    expect(told).toEqual(['k x,y 3', 'c  undefined', 'ignored', 'ignored']);
  });

  test('takes a message that is too long to be taken apart for a gap, whatever it says', () => {
    const { inbox, told } = inboxOf();
    const most = MAX_READ_LENGTH - sealMessage('bbbbbbb', VERSION, 'k', ['']).length;
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'k', ['x'.repeat(most + 1)]), 3);
    inbox.deliver('x'.repeat(MAX_READ_LENGTH + 1), 3);
    expect(told).toEqual(Array<string>(2).fill('gap: a message was too long to be taken apart'));
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'k', ['x'.repeat(most)]), 3);
    expect(told[2]).toHaveLength('k '.length + most + ' 3'.length);
  });

  test('takes a message of more keys than any batch has for a gap', () => {
    const { inbox, told } = inboxOf();
    const keys = Array<string>(MAX_READ_ITEMS).fill('x');
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'k', [...keys, 'x']), 3);
    expect(told).toEqual(['gap: a message was too long to be taken apart']);
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'k', keys), 3);
    expect(told[1]).toHaveLength('k '.length + MAX_READ_ITEMS * 2 - 1 + ' 3'.length);
  });

  test('turns whatever a follower throws into a gap', () => {
    const { inbox, told } = inboxOf({ receive: fail, linkRestored: fail, linkLost: fail, ignored: fail });
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'c'), 1);
    inbox.deliver('foreign', 1);
    inbox.linkLost('x');
    inbox.linkRestored();
    expect(told).toEqual(Array<string>(4).fill('gap: a message could not be applied'));
  });

  test('survives a follower that can do nothing at all', () => {
    const { inbox } = inboxOf({ receive: fail, gap: fail });
    inbox.gap('x');
    inbox.deliver(sealMessage('bbbbbbb', VERSION, 'c'), 1);
  });
});
