/**
 * Marks of tags that no entry can need any more are removed from Redis, a page with each invalidation. What they invalidated does
 * not come back with that, and nothing else goes.
 */
import { expect, test } from '@jest/globals';
import { sealEnvelope } from '../../../lib/codec/envelope.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();
const MARKS = `oxcache::${SERVICE}:marks`;
const HOUR_MS = 3_600_000;
const OLD = Array.from({ length: 700 }, (_, i) => `old ${i}`);
const RECENT = Array.from({ length: 40 }, (_, i) => `recent ${i}`);

const versionOf = (hoursAgo: number): string => `${Math.floor(Date.now() - hoursAgo * HOUR_MS)}0000othernd`;

/** Puts an entry into Redis that was written some time ago. */
async function putEntry(key: string, hoursAgo: number, tags: readonly string[]): Promise<void> {
  const createdAtMs = Date.now() - hoursAgo * HOUR_MS;
  const endMs = Date.now() + HOUR_MS;
  const times = { createdAtMs, freshUntilMs: endMs, expiresAtMs: endMs };
  const header = { kind: 'v', version: versionOf(hoursAgo), codec: 'j', compression: '-', ...times, tags } as const;
  await bench.server.call('SET', `oxcache:${SERVICE}:${key}`, sealEnvelope(header, '"v"'), 'EX', 3600);
}

async function putMarks(tags: readonly string[], hoursAgo: number): Promise<void> {
  await bench.server.call('HSET', MARKS, ...tags.flatMap((tag) => [`t${tag}`, versionOf(hoursAgo)]));
}

async function tagsMarked(): Promise<Set<string>> {
  const fields = (await bench.server.call('HKEYS', MARKS)) as string[];
  return new Set(fields.filter((field) => field.startsWith('t')).map((field) => field.slice(1)));
}

test('G14: beyond 500 marks those older than the longest life of an entry with tags go, and what they invalidated stays gone', async () => {
  const client = await bench.client<string>('l2', { ttl: '1h' });
  await client.set('young', 'v', { tags: [OLD[0] ?? ''] });
  await putMarks(OLD, 2);
  await putMarks(RECENT, 0.5);
  await putEntry('invalidated', 3, [OLD[1] ?? '']);
  await putEntry('invalidated lately', 0.75, [RECENT[0] ?? '']);
  await putEntry('later', 1, [OLD[2] ?? '']);
  const before = (await tagsMarked()).size;
  await until(
    async () => {
      await client.invalidateTags('another');
      return (await tagsMarked()).size <= 500;
    },
    { describe: 'marks to be removed' },
  );
  const marked = await tagsMarked();
  expect(before).toBeGreaterThan(OLD.length);
  expect([...RECENT, 'another'].filter((tag) => !marked.has(tag))).toEqual([]);
  // However many follow, they do not gather again.
  for (let i = 0; i < 100; i++) await client.invalidateTags(`more ${i}`);
  expect((await tagsMarked()).size).toBeLessThanOrEqual(501);
  const fresh = await bench.client<string>('two-level', { ttl: '1h' });
  for (const reader of [client, fresh]) {
    expect(await reader.get('invalidated')).toBeUndefined();
    expect(await reader.get('invalidated lately')).toBeUndefined();
    expect(await reader.get('later')).toBe('v');
    expect(await reader.get('young')).toBe('v');
  }
});

test('with 500 marks or fewer none goes', async () => {
  const client = await bench.client('l2', { ttl: '1h' });
  await client.set('k', 'v', { tags: ['t'] });
  await putMarks(OLD.slice(0, 450), 2);
  for (let i = 0; i < 40; i++) await client.invalidateTags('another');
  expect((await tagsMarked()).size).toBe(451);
});
