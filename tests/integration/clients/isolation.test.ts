/** What keeps a cached object apart from the hands of those who get it. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { KINDS_WITH_L2, Workbench, type Kind } from './workbench.js';

const bench = new Workbench();

interface Box {
  list: number[];
  inner: { n: number };
}

const makeBox = (): Box => ({ list: [1], inner: { n: 1 } });

/** What engines say of a change to a frozen object. */
const FROZEN = /not extensible|read only/;

function tryToChange(box: Box | undefined, isolation: 'copy' | 'frozen'): void {
  const change = (): unknown => box?.list.push(2);
  if (isolation === 'frozen') expect(change).toThrow(FROZEN);
  else expect(change()).toBe(2);
}

const KINDS_WITH_L1: readonly Kind[] = ['l1', 'two-level'];

describe.each(KINDS_WITH_L1)('a service of type %s', (kind) => {
  test('with isolation = "shared" hands out the stored object itself', async () => {
    const client = await bench.client<Box>(kind);
    const box = makeBox();
    await client.set('k', box);
    expect(await client.get('k')).toBe(box);
    expect(client.peek('k')).toBe(box);
  });

  test('with isolation = "copy" is not changed by changes to what was given or handed out', async () => {
    const client = await bench.client<Box>(kind, { l1: { isolation: 'copy' } });
    const box = makeBox();
    await client.set('k', box);
    box.list.push(2);
    const handedOut = [
      await client.get('k'),
      client.peek('k'),
      (await client.lookup('k')).value,
      (await client.getMany(['k'])).get('k'),
      await client.getOrLoad('k', makeBox),
      (await client.getOrLoadMany(['k'], () => [makeBox()])).get('k'),
    ];
    expect(new Set(handedOut).size).toBe(6);
    for (const each of handedOut) {
      expect(each).toEqual(makeBox());
      each?.list.push(3);
    }
    expect(await client.get('k')).toEqual(makeBox());
  });

  test('with isolation = "copy" gives each of the callers of one load an object of its own', async () => {
    const client = await bench.client<Box>(kind, { l1: { isolation: 'copy' } });
    const original = makeBox();
    const values = await Promise.all(Array.from({ length: 3 }, () => client.getOrLoad('k', () => Promise.resolve(original))));
    expect(new Set([...values, original]).size).toBe(4);
    for (const value of values) value?.list.push(9);
    expect(await client.get('k')).toEqual(makeBox());
  });

  test('with isolation = "frozen" hands out what cannot be changed, and leaves what was given alone', async () => {
    const client = await bench.client<Box>(kind, { l1: { isolation: 'frozen' } });
    const box = makeBox();
    await client.set('k', box);
    box.inner.n = 2;
    const got = await client.get('k');
    expect(got).toEqual(makeBox());
    expect(() => got?.list.push(2)).toThrow(FROZEN);
    expect(() => {
      if (got !== undefined) got.inner.n = 3;
    }).toThrow(FROZEN);
    const loaded = await client.getOrLoad('other', makeBox);
    expect(Object.isFrozen(loaded?.inner)).toBe(true);
  });

  test.each(['copy', 'frozen'] as const)(
    'G12: with isolation = "%s" refuses what cannot be cloned, and what was there stays',
    async (isolation) => {
      const client = await bench.client(kind, { l1: { isolation } });
      await client.set('k', 1);
      await expect(client.set('k', { run: () => 1 })).rejects.toMatchObject({ code: 'CACHE_ENCODE_FAILED', key: 'k' });
      expect(await client.get('k')).toBe(1);
    },
  );
});

describe.each(['copy', 'frozen'] as const)('isolation = "%s"', (isolation) => {
  test('holds for copies that were promoted from Redis, too', async () => {
    const writer = await bench.client<Box>('two-level');
    await writer.set('k', makeBox());
    const client = await bench.client<Box>('two-level', { l1: { isolation } });
    const first = await client.get('k');
    tryToChange(first, isolation);
    expect(await client.get('k')).toEqual(makeBox());
    expect(client.peek('k')).toEqual(makeBox());
  });

  test('holds for stale values', async () => {
    const clock = new FakeClock();
    const client = await bench.client<Box>('l1', { ttl: 10, stale_ttl: 60, l1: { isolation } }, { clock });
    await client.set('k', makeBox());
    clock.advance(11_000);
    const failing = (): never => {
      throw new Error('the source is away');
    };
    const values = [await client.getOrLoad('k', failing), (await client.lookup('k')).value];
    for (const value of values) tryToChange(value, isolation);
    expect(await client.getOrLoad('k', failing)).toEqual(makeBox());
  });
});

test.each(KINDS_WITH_L2)('what Redis has of a service of type %s is not changed by changes to what was given', async (kind) => {
  const client = await bench.client<Box>(kind);
  const box = makeBox();
  const setting = client.set('k', box);
  box.list.push(2);
  await setting;
  expect(await client.getL2Only('k')).toEqual(makeBox());
});
