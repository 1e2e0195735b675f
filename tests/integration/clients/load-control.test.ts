/** Who may stop waiting, when a loader is told to stop, and what the next caller gets. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { until } from '../../support/until.js';
import { KINDS, Workbench, countingLoader, defer } from './workbench.js';

const bench = new Workbench();

const hanging = (): Promise<string> => new Promise<string>(() => undefined);

describe.each(KINDS)('loads of a service of type %s', (kind) => {
  test('get their key, and a stale value only where one is held', async () => {
    const client = await bench.client(kind);
    let seen: object = {};
    await client.getOrLoad('k', (context) => {
      seen = {
        key: context.key,
        hasStale: 'stale' in context,
        signal: context.signal instanceof AbortSignal,
        aborted: context.signal.aborted,
      };
      return 1;
    });
    expect(seen).toEqual({ key: 'k', hasStale: false, signal: true, aborted: false });
  });

  test('reject with the very error of their loader, thrown or rejected', async () => {
    const client = await bench.client(kind);
    // What users throw need not be an Error.
    const failure: unknown = { not: 'even an Error' };
    const throwing = (): never => {
      throw failure;
    };
    await expect(client.getOrLoad('k', throwing)).rejects.toBe(failure);
    await expect(client.getOrLoad('k', async () => throwing())).rejects.toBe(failure);
    await expect(client.refresh('k', throwing)).rejects.toBe(failure);
    expect(await client.lookup('k')).toEqual({ status: 'miss' });
  });

  test('store with the lifetime of the call', async () => {
    const client = await bench.client(kind, { ttl: 1000 });
    await client.getOrLoad('k', () => 1, { ttl: '20s' });
    expect((await client.lookup('k')).ttlMs).toBeLessThanOrEqual(20_020);
    await client.refresh('k', () => 1, { ttl: 10 });
    expect((await client.lookup('k')).ttlMs).toBeLessThanOrEqual(10_020);
  });

  test('are not begun with disableLoad, which resolves to what is cached', async () => {
    const client = await bench.client(kind);
    const { load, calls } = countingLoader();
    expect(await client.getOrLoad('k', load, { disableLoad: true })).toBeUndefined();
    await client.set('k', null);
    expect(await client.getOrLoad('k', load, { disableLoad: true })).toBeNull();
    expect(calls).toEqual([]);
  });

  test('fail with CACHE_LOAD_TIMEOUT after load_timeout, and the next call loads anew', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { load_timeout: '3s' }, { clock });
    let isCalled = false;
    const loading = client.getOrLoad('k', () => {
      isCalled = true;
      return hanging();
    });
    const failed = expect(loading).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT', service: 'things', key: 'k' });
    await until(() => isCalled);
    clock.advance(2999);
    expect(client.metrics().loadsInFlight).toBe(1);
    clock.advance(1);
    await failed;
    expect(client.metrics()).toMatchObject({ loadTimeouts: 1, misses: 1 });
    expect(await client.getOrLoad('k', () => 'anew')).toBe('anew');
    expect(await client.get('k')).toBe('anew');
  });

  test('fail after the timeout of the call, which goes before that of the service', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { load_timeout: 1 }, { clock });
    const source = defer<string>();
    let isCalled = false;
    const patient = client.getOrLoad(
      'k',
      () => {
        isCalled = true;
        return source.promise;
      },
      { timeout: 60 },
    );
    await until(() => isCalled);
    const hasty = client.getOrLoad('k', () => source.promise, { timeout: '250ms' });
    const failed = expect(hasty).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' });
    // The second caller is waiting once everything that can happen without the source has happened.
    await client.get('another key');
    clock.advance(250);
    await failed;
    clock.advance(5000);
    source.resolve('v');
    expect(await patient).toBe('v');
    expect(await client.get('k')).toBe('v');
  });

  test('are told to stop when the last caller has given up, and the next call loads anew', async () => {
    const client = await bench.client(kind);
    const [one, two] = [new AbortController(), new AbortController()];
    let signal: AbortSignal | undefined;
    const load = (context: { readonly signal: AbortSignal }): Promise<string> => {
      signal = context.signal;
      return hanging();
    };
    const first = client.getOrLoad('k', load, { signal: one.signal });
    await until(() => signal);
    const second = client.getOrLoad('k', load, { signal: two.signal });
    await client.get('another key');
    const reason = new Error('no longer wanted');
    one.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(signal?.aborted).toBe(false);
    two.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    expect(signal?.aborted).toBe(true);
    expect(await client.getOrLoad('k', () => 'anew')).toBe('anew');
  });

  test('go on for the others when one caller gives up', async () => {
    const client = await bench.client(kind);
    const source = defer<string>();
    const { calls, load } = countingLoader();
    const controller = new AbortController();
    const loader = async (context: { readonly key: string }): Promise<string> => {
      await load(context);
      return source.promise;
    };
    const impatient = client.getOrLoad('k', loader, { signal: controller.signal });
    const patient = client.getOrLoad('k', loader);
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => calls.length === 1);
    source.resolve('v');
    expect(await patient).toBe('v');
    expect(await client.get('k')).toBe('v');
    expect(calls).toHaveLength(1);
  });

  test('are not begun for a caller whose signal is aborted already', async () => {
    const client = await bench.client(kind);
    const reason = new Error('too late');
    const loading = client.getOrLoad('k', hanging, { signal: AbortSignal.abort(reason) });
    await expect(loading).rejects.toBe(reason);
    expect(await client.getOrLoad('k', () => 'v')).toBe('v');
  });

  test('that everybody has given up are not kept when they end after all', async () => {
    const client = await bench.client(kind);
    const source = defer<string>();
    const controller = new AbortController();
    let isCalled = false;
    const loading = client.getOrLoad(
      'k',
      () => {
        isCalled = true;
        return source.promise;
      },
      { signal: controller.signal },
    );
    await until(() => isCalled);
    controller.abort();
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    source.resolve('late');
    await client.flush();
    expect(await client.get('k')).toBeUndefined();
    expect(client.metrics().loadsInFlight).toBe(0);
  });

  test('of many keys are told to stop when nobody waits for any of them, also when they ask for the signal late', async () => {
    const client = await bench.client(kind);
    const controller = new AbortController();
    const started = defer<{ readonly signal: AbortSignal }>();
    const loading = client.getOrLoadMany(
      ['a', 'b'],
      (_keys, context) => {
        started.resolve(context);
        return new Promise<Map<string, string>>(() => undefined);
      },
      { signal: controller.signal },
    );
    const context = await started.promise;
    controller.abort();
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    expect(context.signal.aborted).toBe(true);
  });

  test('of many keys go on while somebody waits for one of them', async () => {
    const client = await bench.client(kind);
    const controller = new AbortController();
    const source = defer<readonly string[]>();
    let signal: AbortSignal | undefined;
    const many = client.getOrLoadMany(
      ['a', 'b'],
      (_keys, context) => {
        signal = context.signal;
        return source.promise;
      },
      { signal: controller.signal },
    );
    await until(() => signal);
    const one = client.getOrLoad('b', () => 'never called');
    await client.get('another key');
    controller.abort();
    await expect(many).rejects.toMatchObject({ name: 'AbortError' });
    expect(signal?.aborted).toBe(false);
    source.resolve(['A', 'B']);
    expect(await one).toBe('B');
    expect(await client.get('b')).toBe('B');
  });

  test.each([
    ['a loader that is no function', (client: Any) => client.getOrLoad('k', 'v' as never)],
    ['an unknown option', (client: Any) => client.getOrLoad('k', () => 1, { tll: 5 } as never)],
    ['a timeout that is no duration', (client: Any) => client.getOrLoad('k', () => 1, { timeout: -1 })],
    ['a lifetime of more than 30 days', (client: Any) => client.getOrLoad('k', () => 1, { ttl: '31d' })],
    ['a signal that is none', (client: Any) => client.getOrLoad('k', () => 1, { signal: {} as never })],
    ['a flag that is no boolean', (client: Any) => client.getOrLoad('k', () => 1, { allowStale: 1 as never })],
    ['a list of keys that is none', (client: Any) => client.getOrLoadMany('k' as never, () => new Map())],
  ])('G12: refuse %s before anything happens', async (_name, call) => {
    const client = await bench.client(kind);
    await expect(call(client)).rejects.toThrow(TypeError);
    expect(client.metrics()).toMatchObject({ loads: 0, writes: 0 });
  });
});

type Any = Awaited<ReturnType<Workbench['client']>>;
