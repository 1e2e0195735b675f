/** Compression alone: thresholds, the thread pool, and payloads that want to be larger than allowed. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { compressPayload, expandPayload, type Compressed } from '../../../lib/codec/compression.js';

const text = (length: number): string => 'abcdefgh'.repeat(Math.ceil(length / 8)).slice(0, length);

describe.each(['gzip', 'brotli'] as const)('%s', (name) => {
  const tag = name === 'gzip' ? 'g' : 'b';

  test('leaves payloads below the threshold as they are', async () => {
    const payload = text(999);
    expect(await compressPayload(payload, name, 1000)).toEqual({ tag: '-', payload });
    expect(await compressPayload(`${payload}x`, name, 1000)).toMatchObject({ tag });
  });

  test('counts bytes, not characters', async () => {
    expect(await compressPayload('é'.repeat(500), name, 1000)).toMatchObject({ tag });
  });

  test.each([2000, 16 * 1024, 16 * 1024 + 1, 500_000])('brings %i bytes back', async (length) => {
    const payload = text(length);
    const compressed: Compressed = await compressPayload(payload, name, 100);
    expect(compressed.tag).toBe(tag);
    expect(compressed.payload.length).toBeLessThan(length);
    expect((await expandPayload(Buffer.from(compressed.payload), tag, 1_000_000)).toString()).toBe(payload);
  });

  test('takes large payloads to the thread pool and small ones not', () => {
    expect(compressPayload(text(16 * 1024), name, 100)).not.toBeInstanceOf(Promise);
    expect(compressPayload(text(16 * 1024 + 1), name, 100)).toBeInstanceOf(Promise);
  });

  test('takes few bytes that stand for many to the thread pool', async () => {
    const much = (await compressPayload('a'.repeat(10 * 1024 * 1024), name, 100)).payload as Buffer;
    expect(much.length).toBeLessThan(16 * 1024);
    const few = (await compressPayload('a'.repeat(100 * 1024), name, 100)).payload as Buffer;
    for (const [payload, length] of [
      [much, 10 * 1024 * 1024],
      [few, 100 * 1024],
    ] as const) {
      const expanding = expandPayload(payload, tag, 10 * 1024 * 1024);
      expect(expanding).toBeInstanceOf(Promise);
      expect(await expanding).toHaveLength(length);
    }
    const little = (await compressPayload('a'.repeat(1000), name, 100)).payload as Buffer;
    expect(expandPayload(little, tag, 1_000_000)).not.toBeInstanceOf(Promise);
  });

  test('keeps what does not get smaller', async () => {
    const noise = Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 197 + 13) % 256));
    expect(await compressPayload(noise, name, 1)).toEqual({ tag: '-', payload: noise });
  });

  test('does not expand beyond what is allowed', async () => {
    const { payload } = await compressPayload(text(500_000), name, 100);
    const expand = async (): Promise<Buffer> => expandPayload(Buffer.from(payload), tag, 1000);
    await expect(expand()).rejects.toThrow();
  });

  test('does not expand what is not of its form', async () => {
    const expand = async (bytes: Buffer): Promise<Buffer> => expandPayload(bytes, tag, 1000);
    await expect(expand(Buffer.from('not compressed at all'))).rejects.toThrow();
    await expect(expand(Buffer.alloc(20_000, 7))).rejects.toThrow();
    await expect(expand(Buffer.alloc(0))).rejects.toThrow();
  });
});

test('none leaves every payload as it is', () => {
  const payload = text(100_000);
  expect(compressPayload(payload, 'none', 1)).toEqual({ tag: '-', payload });
});

test('a cut payload is not expanded', async () => {
  const whole = gzipSync(Buffer.from(text(5000)));
  const expand = async (): Promise<Buffer> => expandPayload(whole.subarray(0, whole.length - 4), 'g', 10_000);
  await expect(expand()).rejects.toThrow();
});
