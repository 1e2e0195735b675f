/** Bytes in Redis that are no entry of ours are a miss, counted and reported, and the next write replaces them (G13). */
import { randomBytes } from 'node:crypto';
import { brotliCompressSync, crc32, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { collectEvents } from '../../support/collect-events.js';
import { RedisServer } from '../../support/redis-server.js';
import { l2At, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
let server: RedisServer;
let client: CacheClient;
/** An entry as the client writes it. */
let sound: Buffer;

const NAME = 'oxcache:s:k';
const MAX_VALUE_SIZE = 100_000;
/** Where the checksummed part begins, and where the payload does. */
const [COVERED_AT, PAYLOAD_AT] = [11, 80];

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.flush();
  client = (await rig.open({ s: twoLevelAt(server, { l2: l2At(server, { max_value_size: MAX_VALUE_SIZE }) }) })).client('s');
  await client.setL2Only('k', { sound: 'value' });
  const text = (await server.call('GET', NAME)) as string;
  sound = Buffer.from(text);
});

/** The header of the sound entry with some characters replaced, over a payload, with the checksum it ought to have. */
function entryOf(
  change: { readonly compression?: string; readonly codec?: string; readonly kind?: string },
  payload: Buffer,
): Buffer {
  const head = Buffer.from(sound.subarray(0, PAYLOAD_AT));
  if (change.kind !== undefined) head.write(change.kind, COVERED_AT);
  if (change.codec !== undefined) head.write(change.codec, COVERED_AT + 25);
  if (change.compression !== undefined) head.write(change.compression, COVERED_AT + 26);
  const bytes = Buffer.concat([head, payload]);
  bytes.write(crc32(bytes.subarray(COVERED_AT)).toString(16).padStart(8, '0'), 3);
  return bytes;
}

function flipped(at: number): Buffer {
  const bytes = Buffer.from(sound);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

const BYTES: readonly (readonly [string, () => Buffer])[] = [
  ['empty', () => Buffer.alloc(0)],
  ['text', () => Buffer.from('{"sound":"value"}')],
  ['random', () => randomBytes(500)],
  ['of no sense behind the tag', () => Buffer.concat([Buffer.from('OX1'), Buffer.alloc(500, 0xff)])],
  ['cut in the header', () => sound.subarray(0, 50)],
  ['cut in the payload', () => sound.subarray(0, sound.length - 3)],
  ['without a payload', () => sound.subarray(0, PAYLOAD_AT)],
  ['longer than they were', () => Buffer.concat([sound, Buffer.from(' ')])],
  ['of a later format', () => Buffer.concat([Buffer.from('OX2'), sound.subarray(3)])],
  ['one bit away from an entry, in its version', () => flipped(COVERED_AT + 1)],
  ['one bit away from an entry, in its times', () => flipped(COVERED_AT + 30)],
  ['one bit away from an entry, in its value', () => flipped(sound.length - 5)],
  ['from a far future', () => Buffer.concat([sound.subarray(0, 12), Buffer.from('9'), sound.subarray(13)])],
  ['of an unknown kind', () => entryOf({ kind: 'x' }, sound.subarray(PAYLOAD_AT))],
  ['of an unknown codec', () => entryOf({ codec: 'x' }, sound.subarray(PAYLOAD_AT))],
  ['of an unknown compression', () => entryOf({ compression: 'x' }, sound.subarray(PAYLOAD_AT))],
  ['a sound header over a payload that is no JSON', () => entryOf({}, Buffer.from('not { JSON'))],
  ['a sound header over a payload that is no MessagePack', () => entryOf({ codec: 'm' }, Buffer.from([0xc1, 0xc1, 0xff]))],
  ['said to be gzip and are not', () => entryOf({ compression: 'g' }, randomBytes(100))],
  ['said to be gzip and are not, and many', () => entryOf({ compression: 'g' }, randomBytes(50_000))],
  ['said to be brotli and are not', () => entryOf({ compression: 'b' }, randomBytes(100))],
  ['gzip that was cut', () => entryOf({ compression: 'g' }, gzipSync(JSON.stringify('x'.repeat(1000))).subarray(0, 20))],
  ['gzip of something that is no JSON', () => entryOf({ compression: 'g' }, gzipSync('not { JSON'))],
  [
    'gzip that expands beyond max_value_size',
    () => entryOf({ compression: 'g' }, gzipSync(JSON.stringify('x'.repeat(50 * MAX_VALUE_SIZE)))),
  ],
  [
    'brotli that expands beyond max_value_size',
    () => entryOf({ compression: 'b' }, brotliCompressSync(JSON.stringify('x'.repeat(50 * MAX_VALUE_SIZE)))),
  ],
  [
    'much gzip that expands beyond max_value_size',
    () => entryOf({ compression: 'g' }, gzipSync(randomBytes(MAX_VALUE_SIZE).toString('hex'))),
  ],
];

async function expectMissCountedOnce(): Promise<void> {
  const errors = collectEvents(client, 'error');
  expect(await client.get('k')).toBeUndefined();
  expect(client.metrics()).toMatchObject({ undecodable: 1, misses: 1, l1Entries: 0 });
  expect(errors).toMatchObject([
    { payload: { service: 's', key: 'k', error: { code: 'CACHE_DECODE_FAILED', service: 's', key: 'k' } } },
  ]);
}

async function expectToBeReplaced(): Promise<void> {
  expect(await client.set('k', 'new')).toEqual({ l1: true, l2: 'written' });
  expect(await client.getL2Only('k')).toBe('new');
}

describe('G13: bytes that are', () => {
  test.each(BYTES)('%s are a miss, counted once and reported, and replaced by the next write', async (_name, bytes) => {
    await server.call('SET', NAME, bytes());
    await expectMissCountedOnce();
    await expectToBeReplaced();
  });

  test.each(BYTES)('%s are a miss to every kind of read, and their place is free', async (_name, bytes) => {
    await server.call('SET', NAME, bytes());
    expect(await client.lookup('k')).toEqual({ status: 'miss' });
    expect(await client.has('k')).toBe(false);
    expect(await client.getMany(['k', 'other'])).toEqual(new Map());
    expect(await client.expire('k', 10)).toBe(false);
    await client.delete('k');
    expect(await client.has('k')).toBe(false);
    await server.call('SET', NAME, bytes());
    expect(await client.getOrLoad('k', () => 'loaded')).toBe('loaded');
    expect(await client.getL2Only('k')).toBe('loaded');
    await server.call('SET', NAME, bytes());
    await client.clear();
    expect(await server.call('EXISTS', NAME)).toBe(0);
  });

  test('read by many at once are counted once', async () => {
    await server.call('SET', NAME, 'foreign');
    await Promise.all(Array.from({ length: 50 }, () => client.get('k')));
    expect(client.metrics().undecodable).toBe(1);
  });
});

describe('G13: a key that holds', () => {
  const TYPES: readonly (readonly [string, readonly string[]])[] = [
    ['a list', ['RPUSH', NAME, 'a', 'b']],
    ['a hash', ['HSET', NAME, 'a', 'b']],
    ['a set', ['SADD', NAME, 'a']],
    ['a sorted set', ['ZADD', NAME, '1', 'a']],
    ['a stream', ['XADD', NAME, '*', 'a', 'b']],
  ];

  beforeEach(() => server.call('DEL', NAME));

  test.each(TYPES)(
    '%s is a miss, counted once and reported, and replaced by the next write',
    async (_name, [command = '', ...args]) => {
      await server.call(command, ...args);
      await expectMissCountedOnce();
      await expectToBeReplaced();
    },
  );

  test.each(TYPES)('%s is a miss among many keys, and can be deleted and loaded over', async (_name, [command = '', ...args]) => {
    await client.set('other', 1);
    await server.call(command, ...args);
    expect(await client.getMany(['k', 'cold', 'other'])).toEqual(new Map([['other', 1]]));
    expect(await client.expire('k', 10)).toBe(false);
    expect(await client.delete('k')).toBe(false);
    expect(await client.get('k')).toBeUndefined();
    await server.call('DEL', NAME);
    await server.call(command, ...args);
    expect(await client.getOrLoad('k', () => 'loaded')).toBe('loaded');
    expect(await client.getL2Only('k')).toBe('loaded');
  });
});
