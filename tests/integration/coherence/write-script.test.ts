/**
 * The rules of the script that writes, one by one against a real Redis: what counts as newer, what is announced, and that a
 * version from a broken clock neither hides nor protects anything.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sealEnvelope, type EntryKind } from '../../../lib/codec/envelope.js';
import type { RedisConnection } from '../../../lib/tiers/redis/redis-connection.js';
import { NEVER, noteClear } from '../../../lib/tiers/redis/marks-script.js';
import { replaceIfSame } from '../../../lib/tiers/redis/entry-scripts.js';
import { tagMarkOf } from '../../../lib/tiers/redis/tag-mark.js';
import { applyWrites, type ScriptWrite } from '../../../lib/tiers/redis/write-script.js';
import { RedisServer } from '../../support/redis-server.js';

const REDIS_KEY = 'oxcache:s:k';
const MARKS = 'oxcache::s:marks';
const STREAM = 'oxcache::s:stream';
const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 1000;
const ANNOUNCEMENT = { message: 'something was written', stream: STREAM, channel: '' };

let server: RedisServer;
let nowMs: number;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.flush();
  await server.call('HSET', MARKS, 'c', NEVER);
  const [seconds] = (await server.call('TIME')) as [string];
  nowMs = Number(seconds) * 1000;
});

/** Nothing of a connection but that it sends; none of these writes is refused. */
const connection = {
  isFull: false,
  eviction: { keepsMarks: true },
  noteWrite: () => undefined,
  send: (name: string, args: readonly (string | Buffer)[]) => server.call(name, ...args),
} as unknown as RedisConnection;

/** A version of so many milliseconds from now. */
function version(aheadMs = 0): string {
  return `${String(nowMs + aheadMs).padStart(13, '0')}0000abcdefg`;
}

function write(ofVersion: string, kind: EntryKind = 'v', lifeMs = HOUR_MS, tags?: readonly string[]): ScriptWrite {
  const times = { createdAtMs: nowMs, freshUntilMs: nowMs + lifeMs, expiresAtMs: nowMs + lifeMs };
  const codec = kind === 'v' ? 'j' : '-';
  const sealed = sealEnvelope({ kind, version: ofVersion, codec, compression: '-', ...times, tags }, kind === 'v' ? '"v"' : '');
  return { key: 'k', redisKey: REDIS_KEY, sealed, version: ofVersion };
}

async function apply(one: ScriptWrite): Promise<unknown> {
  const marks = { name: MARKS, newest: '', comparesClocks: false };
  const outcomes = await applyWrites(connection, [one], marks, ANNOUNCEMENT, TIMEOUT_MS);
  return Array.isArray(outcomes) ? outcomes[0] : outcomes;
}

const stored = (): Promise<unknown> => server.call('GET', REDIS_KEY);
const announced = async (): Promise<number> => Number(await server.call('XLEN', STREAM));
const lifeMs = async (): Promise<number> => Number(await server.call('PTTL', REDIS_KEY));

describe('what is sent again with the version that is there', () => {
  test('G2: keeps the lifetime it was given since, and is announced again', async () => {
    const first = write(version());
    expect(await apply(first)).toBe('created');
    expect(await announced()).toBe(1);
    const shorter = write(version(), 'v', 60_000);
    expect(await replaceIfSame(connection, shorter, MARKS, ANNOUNCEMENT, TIMEOUT_MS)).toBe(true);
    expect(await announced()).toBe(2);
    expect(await apply(first)).toBe('replaced');
    expect(await stored()).toBe(shorter.sealed);
    expect(await lifeMs()).toBeLessThanOrEqual(60_000);
    expect(await lifeMs()).toBeGreaterThan(0);
    expect(await announced()).toBe(3);
  });

  test.each<EntryKind>(['v', 'a', 'd'])('changes nothing (kind %s)', async (kind) => {
    const first = write(version(), kind, 60_000);
    await apply(first);
    await apply(write(version(), kind, HOUR_MS));
    expect(await stored()).toBe(first.sealed);
    expect(await lifeMs()).toBeLessThanOrEqual(60_000);
  });

  test('is written where it is there no more', async () => {
    await apply(write(version()));
    await server.call('DEL', REDIS_KEY);
    expect(await apply(write(version()))).toBe('created');
    expect(await stored()).toBe(write(version()).sealed);
  });

  test('G4: as the mark of a deletion takes the place of the value', async () => {
    await apply(write(version()));
    const mark = write(version(), 'd');
    expect(await apply(mark)).toBe('replaced');
    expect(await stored()).toBe(mark.sealed);
    expect(await announced()).toBe(2);
  });
});

describe('by the order of versions', () => {
  test.each<[string, EntryKind]>([
    ['a value', 'v'],
    ['the mark of a deletion', 'd'],
  ])('%s that is older changes nothing and is not announced', async (_what, kind) => {
    const newer = write(version(1));
    await apply(newer);
    expect(await apply(write(version(), kind))).toBe('older');
    expect(await stored()).toBe(newer.sealed);
    expect(await announced()).toBe(1);
  });

  test('what is older than a clear changes nothing, what is newer is written', async () => {
    await noteClear(connection, MARKS, { version: version(5), newest: undefined }, undefined, TIMEOUT_MS);
    expect(await apply(write(version()))).toBe('older');
    expect(await stored()).toBeNull();
    expect(await apply(write(version(6)))).toBe('created');
  });
});

describe('an entry whose tag was invalidated after it was called', () => {
  const tagged = (aheadMs: number): ScriptWrite => write(version(aheadMs), 'v', HOUR_MS, ['t']);
  beforeEach(async () => {
    await server.call('HSET', MARKS, 'tt', version(10), 'h', version(10));
  });

  test('G4: is older, and keeps what is older still from landing behind it', async () => {
    const one = tagged(5);
    expect(await apply(one)).toBe('older');
    expect(one.newer).toBe(version(10));
    expect(await announced()).toBe(1);
    expect(await apply(write(version(4)))).toBe('older');
    expect(await stored()).toBe(one.sealed);
    expect(await apply(write(version(6)))).toBe('replaced');
  });

  test('takes the place of what is older, which others may hold copies of', async () => {
    await apply(write(version(4)));
    const one = tagged(5);
    expect(await apply(one)).toBe('older');
    expect(await stored()).toBe(one.sealed);
    expect(await announced()).toBe(2);
  });

  test('leaves alone what is newer', async () => {
    const newer = write(version(6));
    await apply(newer);
    const one = tagged(5);
    expect(await apply(one)).toBe('older');
    expect(one.newer).toBe(version(6));
    expect(await stored()).toBe(newer.sealed);
  });
});

describe('a clear mark more than a minute in the future', () => {
  const FAR_MS = 10 * 60_000;
  beforeEach(async () => {
    await server.call('HSET', MARKS, 'c', version(FAR_MS));
  });

  test('hides nothing: a write is taken', async () => {
    const one = write(version());
    expect(await apply(one)).toBe('created');
    expect(await stored()).toBe(one.sealed);
    expect(await announced()).toBe(1);
  });

  test('takes no protection from what is there: an older write does not replace it', async () => {
    const newer = write(version(1));
    await apply(newer);
    expect(await apply(write(version()))).toBe('older');
    expect(await stored()).toBe(newer.sealed);
    expect(await announced()).toBe(1);
  });

  test('gives no protection: neither what is there nor itself is in the way of what is newer', async () => {
    await apply(write(version()));
    const newer = write(version(1));
    expect(['created', 'replaced']).toContain(await apply(newer));
    expect(await stored()).toBe(newer.sealed);
    const clear = version(2);
    await noteClear(connection, MARKS, { version: clear, newest: undefined }, undefined, TIMEOUT_MS);
    expect(await server.call('HGET', MARKS, 'c')).toBe(clear);
  });

  test('does not make a value that is there look as if it was not', async () => {
    await apply(write(version()));
    expect(await apply(write(version(1), 'd'))).toBe('replaced');
  });
});

test('a clear mark less than a minute in the future counts', async () => {
  await server.call('HSET', MARKS, 'c', version(30_000));
  expect(await apply(write(version()))).toBe('older');
  expect(await stored()).toBeNull();
});

test('an entry more than a minute in the future that was put there past the script protects nothing', async () => {
  await server.call('SET', REDIS_KEY, write(version(10 * 60_000)).sealed);
  const now = write(version());
  expect(await apply(now)).toBe('replaced');
  expect(await stored()).toBe(now.sealed);
});

describe('the highest version', () => {
  const highest = async (): Promise<string> => String(await server.call('HGET', MARKS, 'h'));

  test('is that of the newest write that was applied, however far ahead', async () => {
    for (const aheadMs of [0, 1, 30_000, 2]) await apply(write(version(aheadMs)));
    expect(await highest()).toBe(version(30_000));
  });

  test('G17: an invalidation that gets a newer version hides what comes after it in the batch, which is told of it', async () => {
    await apply(write(version(20)));
    const known = version(10);
    const mark = { ...write(known, 'd'), key: tagMarkOf('t') };
    const times = { createdAtMs: nowMs, freshUntilMs: nowMs + HOUR_MS, expiresAtMs: nowMs + HOUR_MS };
    const own = version(11);
    const sealed = sealEnvelope({ kind: 'v', version: own, codec: 'j', compression: '-', tags: ['t'], ...times }, '"v"');
    const entry: ScriptWrite = { key: 'l', redisKey: 'oxcache:s:l', sealed, version: own };
    const marks = { name: MARKS, newest: known, comparesClocks: false };
    expect(await applyWrites(connection, [mark, entry], marks, ANNOUNCEMENT, TIMEOUT_MS)).toEqual(['created', 'older']);
    expect(await server.call('HGET', MARKS, 'tt')).toBe(entry.newer);
    expect((entry.newer ?? '') > version(20)).toBe(true);
  });
});
