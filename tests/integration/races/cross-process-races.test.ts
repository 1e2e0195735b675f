/**
 * G4 between processes, each race forced: replies and messages are held back until the other process is done. Two managers are two
 * processes here: they share nothing but Redis. Each race is run both ways: the message of the other process comes before what it
 * is about, and after.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { HeldReplies, type Hold } from '../../support/held-replies.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench, type ServiceSettings } from '../clients/workbench.js';
import { passTime } from '../outage/rig.js';
import { Gate } from './gate.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
// After the managers have been closed: hooks run in the order in which they were given.
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** The process whose replies are in the test's hands, and another one. */
interface Pair {
  readonly here: CacheClient;
  readonly elsewhere: CacheClient;
  readonly held: HeldReplies;
}

/** Longer than any test holds a reply back. */
const L2 = { command_timeout_ms: 20_000 } as const;

async function open(settings: ServiceSettings = {}): Promise<Pair> {
  const service = { cache_type: 'two-level', ttl: 600, ...settings, l2: { ...L2, ...settings.l2 } } as const;
  const held = await HeldReplies.connect(bench.server);
  cleanups.push(() => held.close());
  const here = (await bench.manager({ [SERVICE]: service }, { connections: held.redis })).client(SERVICE);
  const elsewhere = (await bench.manager({ [SERVICE]: service })).client(SERVICE);
  await until(() => here.health().sync?.status === 'connected' && elsewhere.health().sync?.status === 'connected');
  return { here, elsewhere, held };
}

/** Resolves when `here` has heard of what `elsewhere` does. */
async function heard({ here }: Pair, act: () => Promise<unknown>): Promise<void> {
  const before = here.metrics().invalidationsReceived;
  await act();
  await until(() => here.metrics().invalidationsReceived > before);
}

/** What the other process may do to the key meanwhile, and what the key is then. */
const WRITES: readonly (readonly [string, (client: CacheClient) => Promise<unknown>, string | undefined])[] = [
  ['a set', (client) => client.set('k', 'new'), 'new'],
  ['a delete', (client) => client.delete('k'), undefined],
  ['a clear', (client) => client.clear(), undefined],
  ['an invalidation of its tag', (client) => client.invalidateTags('t'), undefined],
];

const isRead = (name: string): boolean => name === 'mget' || name === 'get';
const isMessage = (name: string): boolean => name === 'xread';

/** Both processes, and one that knows nothing yet, agree on `k`, now and when everything is written. */
async function expectEverywhere({ here, elsewhere }: Pair, value: unknown): Promise<void> {
  expect(await here.get('k')).toBe(value);
  expect(await elsewhere.get('k')).toBe(value);
  await Promise.all([here.flush(), elsewhere.flush()]);
  const newcomer = await bench.client('l2', { ttl: 600 });
  expect(await newcomer.get('k')).toBe(value);
  expect(await here.get('k')).toBe(value);
  expect(here.peek('k')).toBe(value);
  expect(await here.getL2Only('k')).toBe(value);
}

describe.each(WRITES)('G4: %s by another process', (what, write, final) => {
  describe.each([
    ['getOrLoad', (client: CacheClient, gate: Gate) => client.getOrLoad('k', () => gate.pass('old'), { tags: ['t'] })],
    ['refresh', (client: CacheClient, gate: Gate) => client.refresh('k', () => gate.pass('old'), { tags: ['t'] })],
    [
      'getOrLoadMany',
      async (client: CacheClient, gate: Gate) =>
        (await client.getOrLoadMany(['k'], () => gate.pass(new Map([['k', 'old']])), { tags: ['t'] })).get('k'),
    ],
  ] as const)('during a load of %s', (_api, load) => {
    test('that hears of it beats what is loaded, which is handed out and not kept', async () => {
      const pair = await open();
      const gate = new Gate();
      const loading = load(pair.here, gate);
      await gate.reached;
      await passTime();
      await heard(pair, () => write(pair.elsewhere));
      gate.open();
      expect(await loading).toBe('old');
      expect(pair.here.peek('k')).toBeUndefined();
      await expectEverywhere(pair, final);
    });

    test('that hears of it too late beats what is loaded', async () => {
      const pair = await open();
      const gate = new Gate();
      const loading = load(pair.here, gate);
      await gate.reached;
      await passTime();
      const messages = pair.held.hold(isMessage);
      await write(pair.elsewhere);
      await messages.reached();
      gate.open();
      expect(await loading).toBe('old');
      messages.release();
      await until(() => pair.here.metrics().invalidationsReceived > 0);
      await expectEverywhere(pair, final);
    });
  });

  test('during a promotion that hears of it: what was read is handed out and not kept', async () => {
    const pair = await open();
    await heard(pair, () => pair.elsewhere.set('k', 'old', { tags: ['t'] }));
    const reads = pair.held.hold(isRead);
    const read = pair.here.get('k');
    await reads.reached();
    await passTime();
    await heard(pair, () => write(pair.elsewhere));
    reads.release();
    // After a clear this process knows that what it reads is older.
    expect(['old', undefined]).toContain(await read);
    expect(pair.here.peek('k')).toBeUndefined();
    await expectEverywhere(pair, final);
  });

  test('during a promotion that hears of it too late: the copy goes when the message comes', async () => {
    const pair = await open();
    await heard(pair, () => pair.elsewhere.set('k', 'old', { tags: ['t'] }));
    const before = pair.here.metrics().invalidationsReceived;
    const reads = pair.held.hold(isRead);
    const read = pair.here.get('k');
    await reads.reached();
    await passTime();
    const messages = pair.held.hold(isMessage);
    await write(pair.elsewhere);
    await messages.reached();
    reads.release();
    // Of a tag that it knows nothing of, this process asks Redis, and then knows better; of clears it learns along with that.
    const value = await read;
    if (!/tag|clear/.test(what)) expect(value).toBe('old');
    expect(pair.here.peek('k')).toBe(value);
    messages.release();
    await until(() => pair.here.metrics().invalidationsReceived > before);
    expect(pair.here.peek('k')).toBeUndefined();
    await expectEverywhere(pair, final);
  });

  test('during a reload ahead of time beats it', async () => {
    const pair = await open({ refresh_ahead: 1 });
    await pair.here.set('k', 'first', { tags: ['t'] });
    await passTime();
    const gate = new Gate();
    expect(await pair.here.getOrLoad('k', () => gate.pass('old'), { tags: ['t'] })).toBe('first');
    await gate.reached;
    await passTime();
    await heard(pair, () => write(pair.elsewhere));
    gate.open();
    await until(() => pair.here.metrics().loadsInFlight === 0);
    await expectEverywhere(pair, final);
  });

  test('during a slow compression beats what was set before it', async () => {
    const pair = await open({ l2: { compression: 'gzip' } });
    const slow = pair.here.set('k', randomBytes(4_500_000).toString('hex'), { tags: ['t'] });
    // The set was called first, by more than the 100 ms that clocks are taken to differ by.
    await passTime(150);
    await write(pair.elsewhere);
    await slow;
    await until(async () => (await pair.here.get('k')) === final);
    await expectEverywhere(pair, final);
  });
});

describe('G4: a batch on its way', () => {
  const BEHIND = {
    two_level: { write_through: false, enable_batch_write: true, batch_size: 1000, batch_interval_ms: 60_000 },
  } as const;

  test.each(['this process', 'another process'])('does not outlive the invalidation of its tag by %s', async (who) => {
    const pair = await open(BEHIND);
    await pair.here.set('k', 'old', { tags: ['t'] });
    await pair.here.set('untagged', 'kept');
    await passTime();
    const flushes = pair.held.hold((name) => name.startsWith('eval'));
    const flushed = pair.here.flush();
    await flushes.reached();
    const invalidator = who === 'this process' ? pair.here : pair.elsewhere;
    const invalidated = invalidator.invalidateTags('t');
    if (invalidator === pair.elsewhere) {
      await pair.elsewhere.flush();
      await invalidated;
    }
    flushes.release();
    await Promise.all([flushed, invalidated]);
    await until(async () => (await pair.here.get('k')) === undefined);
    await expectEverywhere(pair, undefined);
    expect(await pair.elsewhere.get('untagged')).toBe('kept');
  });

  test('is hidden by a clear of another process where it is older, and stays where it is newer', async () => {
    const pair = await open(BEHIND);
    await pair.here.set('k', 'old');
    await passTime();
    await heard(pair, () => pair.elsewhere.clear());
    await pair.here.set('newer', 'kept');
    expect(await pair.here.get('k')).toBeUndefined();
    expect(await pair.here.get('newer')).toBe('kept');
    await pair.here.flush();
    await expectEverywhere(pair, undefined);
    expect(await pair.elsewhere.get('newer')).toBe('kept');
  });

  test('stays where it is newer than a clear that is heard of late', async () => {
    const pair = await open(BEHIND);
    await pair.here.set('k', 'old');
    await passTime();
    const messages = pair.held.hold(isMessage);
    await pair.elsewhere.clear();
    await messages.reached();
    await passTime();
    await pair.here.set('newer', 'kept');
    messages.release();
    await until(() => pair.here.metrics().invalidationsReceived > 0);
    expect(await pair.here.get('newer')).toBe('kept');
    await pair.here.flush();
    await expectEverywhere(pair, undefined);
    expect(await pair.here.get('newer')).toBe('kept');
    expect(await pair.elsewhere.get('newer')).toBe('kept');
  });
});

describe('G4: a promotion', () => {
  test.each(['clear', 'delete', 'set'] as const)(
    'whose reply is held back until a %s of this process is done is not kept',
    async (way) => {
      const pair = await open();
      await heard(pair, () => pair.elsewhere.set('k', 'old'));
      await passTime();
      const reads: Hold = pair.held.hold(isRead);
      const read = pair.here.get('k');
      await reads.reached();
      if (way === 'clear') await pair.here.clear();
      else if (way === 'delete') await pair.here.delete('k');
      else await pair.here.set('k', 'new');
      reads.release();
      await read;
      expect(pair.here.peek('k')).toBe(way === 'set' ? 'new' : undefined);
      await expectEverywhere(pair, way === 'set' ? 'new' : undefined);
    },
  );

  test.each(['stream', 'pubsub'] as const)(
    'during which the link is lost is handed out and not kept (G5, %s)',
    async (transport) => {
      const pair = await open({ sync: { transport } });
      await heard(pair, () => pair.elsewhere.set('k', 'old'));
      const reads = pair.held.hold(isRead);
      const read = pair.here.get('k');
      await reads.reached();
      const link = pair.held.hold((name) => ['xread', 'xrange', 'subscribe'].includes(name));
      pair.held.cutLinks();
      await until(() => pair.here.metrics().invalidationLinkLosses > 0);
      reads.release();
      expect(await read).toBe('old');
      // Nobody would have told of a write in the meantime.
      expect(pair.here.peek('k')).toBeUndefined();
      link.release();
      await until(() => pair.here.health().sync?.status === 'connected');
      await heard(pair, () => pair.elsewhere.set('k', 'new'));
      await expectEverywhere(pair, 'new');
    },
  );
});
