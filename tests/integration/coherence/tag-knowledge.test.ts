/**
 * What a process learns of a tag by asking Redis is an invalidation like one it is told of: its own copies with the tag go at once
 * (G4, G5), because the message that follows is no news any more.
 */
import { afterEach, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { HeldReplies } from '../../support/held-replies.js';
import { until } from '../../support/until.js';
import { Workbench, type BenchOptions } from '../clients/workbench.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ROUNDS = 100;

async function open(options?: BenchOptions): Promise<CacheClient> {
  const client = await bench.client('two-level', { ttl: 600, l1: { ttl: 600 } }, options);
  await until(() => client.health().sync?.status === 'connected');
  return client;
}

test('G5: a tag that Redis says was invalidated takes the L1 copies with it, before its message comes and after', async () => {
  const writer = await open();
  // Written before the reader hears anything, so that it has to ask Redis about the tag.
  await writer.set('theirs', 'old', { tags: ['t'] });
  const held = await HeldReplies.connect(bench.server);
  cleanups.push(() => held.close());
  const reader = await open({ connections: held.redis });
  await reader.set('mine', 'old', { tags: ['t'] });
  await reader.set('other', 'old', { tags: ['u'] });
  const messages = held.hold((name) => name === 'xread');
  await writer.invalidateTags('t');
  await messages.reached();
  expect(reader.peek('mine')).toBe('old');
  const { invalidationsReceived } = reader.metrics();
  expect(await reader.get('theirs')).toBeUndefined();
  expect(reader.peek('mine')).toBeUndefined();
  expect(await reader.get('mine')).toBeUndefined();
  expect(reader.metrics().invalidationsReceived).toBe(invalidationsReceived);
  messages.release();
  await until(() => reader.metrics().invalidationsReceived > invalidationsReceived);
  expect(reader.peek('mine')).toBeUndefined();
  expect(reader.peek('other')).toBe('old');
  expect(reader.metrics().invalidationGaps).toBeLessThanOrEqual(1);
});

test('G5: what is written with the tag after it was asked about stays when the message comes', async () => {
  const writer = await open();
  await writer.set('theirs', 'old', { tags: ['t'] });
  const held = await HeldReplies.connect(bench.server);
  cleanups.push(() => held.close());
  const reader = await open({ connections: held.redis });
  const messages = held.hold((name) => name === 'xread');
  await writer.invalidateTags('t');
  await messages.reached();
  expect(await reader.get('theirs')).toBeUndefined();
  await reader.set('mine', 'new', { tags: ['t'] });
  const { invalidationsReceived } = reader.metrics();
  messages.release();
  await until(() => reader.metrics().invalidationsReceived > invalidationsReceived);
  expect(reader.peek('mine')).toBe('new');
  expect(await reader.getL2Only('mine')).toBe('new');
});

test(`G5: a reader that asks while the invalidation is on its way keeps no copy with the tag, ${ROUNDS} times over`, async () => {
  const writer = await open();
  for (let i = 0; i < ROUNDS; i++) await writer.set(`theirs${i}`, 'old', { tags: [`t${i}`] });
  const reader = await open();
  for (let i = 0; i < ROUNDS; i++) {
    await reader.set(`mine${i}`, 'old', { tags: [`t${i}`] });
    // It hears nothing but its own for a while, so that messages gather.
    for (let j = 0; j < 12; j++) await reader.set('noise', j);
    const progress = { isDone: false };
    const invalidated = writer.invalidateTags(`t${i}`).then(() => {
      progress.isDone = true;
    });
    const reads: Promise<unknown>[] = [];
    while (!progress.isDone) {
      reads.push(reader.get(`theirs${i}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([invalidated, ...reads]);
    expect(await reader.get(`theirs${i}`)).toBeUndefined();
  }
  await until(() => reader.metrics().invalidationsReceived >= ROUNDS);
  const left = Array.from({ length: ROUNDS }, (_, i) => `mine${i}`).filter((key) => reader.peek(key) !== undefined);
  expect(left).toEqual([]);
});
