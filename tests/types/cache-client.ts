/** Type tests of `CacheClient`: the value type of `getClient<V>` reaches every method. */
import type {
  CacheClient,
  CacheEventMap,
  Lock,
  LockOptions,
  LookupResult,
  ServiceHealth,
  SetResult,
  WriteResult,
} from '../../lib/index.js';
import { type Equal, expectTrue } from './equal.js';

interface User {
  readonly id: number;
}

/** As the registry declares it. */
type GetClient = <V = unknown>(service: string) => CacheClient<V>;

/** Undeclared values are `unknown`. */
export function undeclaredValues(getClient: GetClient): void {
  const client = getClient('users');
  expectTrue<Equal<typeof client, CacheClient>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.get>>, unknown>>();
  expectTrue<Equal<ReturnType<typeof client.peek>, unknown>>();
}

/** Declared values are what is read and what may be written. */
export async function declaredValues(getClient: GetClient): Promise<void> {
  const client = getClient<User>('users');
  expectTrue<Equal<ReturnType<typeof client.peek>, User | undefined>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.get>>, User | undefined>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.lookup>>, LookupResult<User>>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.set>>, SetResult>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.getMany>>, Map<string, User>>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.getOrLoad>>, User | undefined>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.getOrLoadMany>>, Map<string, User | undefined>>>();
  expectTrue<Equal<Awaited<ReturnType<typeof client.delete>>, boolean>>();
  await client.set('1', { id: 1 }, '5m');
  await client.set('1', { id: 1 }, { ttl: 5 });
  // @ts-expect-error another type of value
  await client.set('1', 'one');
  // @ts-expect-error `undefined` can't be stored
  await client.set('1', undefined);
  // @ts-expect-error keys are strings
  await client.get(1);
  // @ts-expect-error no such option
  await client.set('1', { id: 1 }, { tll: 5 });
  // @ts-expect-error the loader makes another type of value
  await client.getOrLoad('1', () => 'one');
}

/** What a write did is one of four things; nothing else can be asked for. */
export function writeResults({ l1, l2 }: SetResult): string {
  expectTrue<Equal<typeof l1, boolean>>();
  expectTrue<Equal<typeof l2, WriteResult>>();
  expectTrue<Equal<WriteResult, 'written' | 'logged' | 'queued' | 'none'>>();
  expectTrue<Equal<CacheEventMap['write']['l2'], WriteResult>>();
  // @ts-expect-error no such result
  if (l2 === 'replayed') return 'never';
  switch (l2) {
    case 'written':
    case 'logged':
    case 'queued':
    case 'none':
      return l2;
  }
}

/** A service says whether it does without Redis, or catches up. */
export function health(client: CacheClient): void {
  expectTrue<Equal<ReturnType<typeof client.health>, ServiceHealth>>();
  expectTrue<Equal<ServiceHealth['status'], 'healthy' | 'degraded' | 'replaying' | 'draining' | 'closed'>>();
  expectTrue<Equal<NonNullable<ServiceHealth['l2']>['status'], 'healthy' | 'degraded' | 'recovering' | 'replaying'>>();
  expectTrue<Equal<ReturnType<typeof client.metrics>['loggedKeys'], number>>();
}

/** Loaders are told their key, a signal and a stale value of the client's type. */
export async function loaders(getClient: GetClient): Promise<void> {
  const client = getClient<User>('users');
  await client.getOrLoad('1', async ({ key, signal, stale }) => {
    expectTrue<Equal<typeof key, string>>();
    expectTrue<Equal<typeof signal, AbortSignal>>();
    expectTrue<Equal<typeof stale, User | undefined>>();
    return stale;
  });
  await client.getOrLoadMany(['1'], (keys) => {
    expectTrue<Equal<typeof keys, readonly string[]>>();
    return new Map([['1', { id: 1 }]]);
  });
  await client.getOrLoadMany(['1'], () => [{ id: 1 }]);
}

/** Tags are lists of strings, wherever something is stored. */
export async function tags(getClient: GetClient): Promise<void> {
  const client = getClient<User>('users');
  const fixed = ['a', 'b'] as const;
  await client.set('1', { id: 1 }, { ttl: '5m', tags: fixed });
  await client.setMany([['1', { id: 1 }]], { tags: [] });
  await client.getOrLoad('1', () => ({ id: 1 }), { tags: ['a'] });
  await client.getOrLoadMany(['1'], () => [{ id: 1 }], { tags: ['a'] });
  await client.refresh('1', () => ({ id: 1 }), { tags: ['a'] });
  await client.setL1Only('1', { id: 1 }, { tags: ['a'] });
  await client.setL2Only('1', { id: 1 }, { tags: ['a'] });
  expectTrue<Equal<Awaited<ReturnType<typeof client.invalidateTags>>, void>>();
  await client.invalidateTags('a', ...fixed);
  // @ts-expect-error one tag is a list of one
  await client.set('1', { id: 1 }, { tags: 'a' });
  // @ts-expect-error tags are strings
  await client.set('1', { id: 1 }, { tags: [1] });
  // @ts-expect-error each tag is an argument of its own
  await client.invalidateTags(['a']);
  client.on('invalidate', ({ tags: invalidated }) => {
    expectTrue<Equal<typeof invalidated, readonly string[] | undefined>>();
  });
}

/** A lock is had or not; its time has to be given. */
export async function locks(client: CacheClient): Promise<void> {
  const options: LockOptions = { ttl: '10s', wait: '2s' };
  const lock = await client.lock('1', options);
  expectTrue<Equal<typeof lock, Lock | undefined>>();
  if (lock === undefined) return;
  expectTrue<Equal<[typeof lock.token, Awaited<ReturnType<typeof lock.release>>], [string, boolean]>>();
  // @ts-expect-error there is no lock without an end
  await client.lock('1');
  // @ts-expect-error there is no lock without an end
  await client.lock('1', { wait: '2s' });
}

/** Events carry the payload of their name. */
export function events(getClient: GetClient): void {
  const client = getClient('users');
  client.on('hit', ({ service, key, tier, stale }) => {
    expectTrue<Equal<[typeof service, typeof key, typeof tier, typeof stale], [string, string, 'l1' | 'l2', boolean]>>();
  });
  client.on('replay', ({ phase, restored, pending, ...rest }) => {
    expectTrue<Equal<typeof phase, 'started' | 'progress' | 'finished' | 'interrupted'>>();
    expectTrue<Equal<[typeof restored, typeof pending], [number, number]>>();
    expectTrue<Equal<keyof typeof rest, 'service' | 'invalidated' | 'superseded' | 'durationMs'>>();
  });
  client.on('invalidate', ({ reason }) => {
    expectTrue<Equal<typeof reason, 'clear' | 'log-full' | 'tags' | 'remote' | 'link'>>();
  });
  // @ts-expect-error a replay is not about one key
  client.on('replay', ({ key }: { readonly key: string }) => key);
  // @ts-expect-error no such event
  client.on('hits', () => undefined);
  // @ts-expect-error the payload of a hit has no error
  client.on('hit', ({ error }: { readonly error: unknown }) => error);
}
