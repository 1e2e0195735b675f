/** G13: bytes that are ours in form and beyond what a writer may write, and values that this process can't hand out. */
import { crc32, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { collectEvents } from '../../support/collect-events.js';
import { l2At, useRig } from '../outage/rig.js';

const rig = useRig();

const DEPTH = 20_000;

/** An array in an array, and so on: JSON can be read at this depth, but not cloned or written. */
function nested(): unknown {
  let value: unknown = 'core';
  for (let i = 0; i < DEPTH; i++) value = [value];
  return value;
}

/** How many arrays are in each other. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let at = value; Array.isArray(at); at = at[0]) depth++;
  return depth;
}

/** An entry with the header of another one, from its kind on, and other contents; the checksum fits. */
function reseal(header: Buffer, ...contents: readonly (string | Buffer)[]): Buffer {
  const covered = Buffer.concat([header, ...contents.map((each) => Buffer.from(each))]);
  return Buffer.concat([Buffer.from(`OX1${crc32(covered).toString(16).padStart(8, '0')}`), covered]);
}

type Client = ReturnType<Awaited<ReturnType<typeof rig.open>>['client']>;

describe.each(['none', 'gzip'] as const)('with compression = "%s", a value too deep to be cloned', (compression) => {
  test.each(['copy', 'frozen'] as const)(
    'is a miss or what it is, and never a crash, with isolation = "%s"',
    async (isolation) => {
      const server = await rig.startRedis();
      const settings = { cache_type: 'two-level', l1: { isolation }, l2: l2At(server) } as const;
      const writer = (await rig.open({ s: settings })).client('s');
      await writer.set('plain', 'v');
      const header = Buffer.from(String(await server.call('GET', 'oxcache:s:plain')).slice(11, 80));
      const payload = Buffer.from('['.repeat(DEPTH) + '"core"' + ']'.repeat(DEPTH));
      if (compression === 'gzip') header.write('g', 26);
      for (const key of ['deep', 'deeper'])
        await server.call('SET', `oxcache:s:${key}`, reseal(header, compression === 'gzip' ? gzipSync(payload) : payload));
      const reader: Client = (await rig.open({ s: settings })).client('s');
      const errors = collectEvents(reader, 'error');
      // One command for all of them: a failing one does not take the others along.
      const [got, others, loaded] = await Promise.all([
        reader.get('deep'),
        reader.getMany(['plain', 'deep']),
        reader.getOrLoad('deeper', () => 'loaded'),
      ]);
      expect(others.get('plain')).toBe('v');
      if (isolation === 'frozen') {
        expect([depthOf(got), depthOf(loaded), Object.isFrozen(got)]).toEqual([DEPTH, DEPTH, true]);
        return;
      }
      expect([depthOf(got), others.has('deep'), loaded]).toEqual([0, false, 'loaded']);
      expect(await reader.get('deep')).toBeUndefined();
      expect(reader.peek('deep')).toBeUndefined();
      expect(await reader.lookup('deep')).toEqual({ status: 'miss' });
      expect(reader.metrics().undecodable).toBeGreaterThanOrEqual(3);
      expect(errors[0]?.payload).toMatchObject({ error: { code: 'CACHE_DECODE_FAILED' } });
      // A loader's value that can't be cloned is handed out, and not kept.
      expect(depthOf(await reader.getOrLoad('own', () => nested()))).toBe(DEPTH);
    },
  );
});

describe.each(['l2', 'two-level'] as const)('a reader of type %s holds the bounds of a writer', (kind) => {
  test('for the number and the length of tags', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: { cache_type: kind, l2: l2At(server) } })).client('s');
    const errors = collectEvents(client, 'error');
    const most = Array.from({ length: 128 }, (_, i) => `${i}`.padEnd(256, '"'));
    await client.set('most', 'v', { tags: most });
    await client.set('k', 'v', { tags: ['t'] });
    const raw = Buffer.from(String(await server.call('GET', 'oxcache:s:k')));
    const retag = (tags: readonly string[]): Buffer =>
      reseal(raw.subarray(11, 80), `${JSON.stringify(tags)}\n`, raw.subarray(raw.indexOf(10, 80) + 1));
    await server.call('SET', 'oxcache:s:same', retag(['t']));
    await server.call('SET', 'oxcache:s:many', retag(Array.from({ length: 129 }, (_, i) => `t${i}`)));
    await server.call('SET', 'oxcache:s:long', retag(['x'.repeat(257)]));
    await server.call('SET', 'oxcache:s:huge', retag(Array.from({ length: 100_000 }, (_, i) => `t${i}`)));
    const reader = (await rig.open({ s: { cache_type: kind, l2: l2At(server) } })).client('s');
    const refused = collectEvents(reader, 'error');
    expect(await reader.getMany(['most', 'same', 'many', 'long', 'huge'])).toEqual(new Map([['most', 'v'], ['same', 'v']])); // prettier-ignore
    expect(reader.metrics().undecodable).toBe(3);
    expect(refused.map(({ payload }) => payload.error.message)).toEqual(
      Array(3).fill('The bytes in Redis were ignored: not an entry of this format (tags)'),
    );
    expect(errors).toEqual([]);
  });

  test('for the size of a value, before it is decoded', async () => {
    const server = await rig.startRedis();
    const open = async (bytes: number): Promise<Client> =>
      (await rig.open({ s: { cache_type: kind, l2: l2At(server, { max_value_size: bytes }) } })).client('s');
    const writer = await open(10_000);
    await writer.set('k', 'x'.repeat(2000));
    await writer.set('small', 'x'.repeat(998));
    const reader = await open(1000);
    const errors = collectEvents(reader, 'error');
    expect(await reader.get('k')).toBeUndefined();
    expect(await reader.get('small')).toHaveLength(998);
    expect(errors.map(({ payload }) => payload.error.message)).toEqual([
      'The bytes in Redis were ignored: its payload is larger than l2.max_value_size (1000 bytes)',
    ]);
  });
});
