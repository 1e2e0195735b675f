/** Type tests of `cached`: what `tsc` accepts and infers is what is tested. */
import type { CacheClient } from '../../lib/clients/cache-client.js';
import type { CachedFunction } from '../../lib/wrap/cached-function.js';
import type { Cached } from '../../lib/wrap/create-cached.js';
import { type Equal, expectTrue } from './equal.js';

interface User {
  readonly id: number;
}
interface Repository {
  readonly table: string;
}

/** Keeps `Equal` honest. */
export function equalIsNeverNever(): void {
  expectTrue<Equal<Equal<string, number>, false>>();
  expectTrue<Equal<Equal<unknown, never>, false>>();
  expectTrue<Equal<Equal<{ a?: 1 }, { a: 1 | undefined }>, false>>();
  // @ts-expect-error different types are not equal
  expectTrue<Equal<string, number>>();
}

/** Parameters and result are those of the function. */
export function parametersAndResult(cached: Cached, client: CacheClient<User>): void {
  const asynchronous = cached('users', async (id: number, name?: string): Promise<User> => ({ id: id + (name ?? '').length }), {
    key: 'k:{0}',
  });
  expectTrue<Equal<typeof asynchronous, CachedFunction<[id: number, name?: string], User>>>();
  expectTrue<Equal<Parameters<typeof asynchronous>, [id: number, name?: string | undefined]>>();
  expectTrue<Equal<ReturnType<typeof asynchronous>, Promise<User>>>();
  void asynchronous(1);
  void asynchronous(1, 'a');
  // @ts-expect-error a parameter is missing
  void asynchronous();
  // @ts-expect-error a parameter of another type
  void asynchronous('1');
  // @ts-expect-error a parameter too many
  void asynchronous(1, 'a', true);

  const synchronous = cached(client, function load(id: number): string | undefined {
    return id > 0 ? String(id) : undefined;
  });
  expectTrue<Equal<ReturnType<typeof synchronous>, Promise<string | undefined>>>();

  const sometimes = cached('users', (id: number): User | Promise<User> => ({ id }), { key: 'k:{0}' });
  expectTrue<Equal<ReturnType<typeof sometimes>, Promise<User>>>();

  const many = cached('users', async (first: string, ...rest: number[]) => [first, rest.length] as const, { key: 'k:{0}' });
  expectTrue<Equal<Parameters<typeof many>, [first: string, ...rest: number[]]>>();
  expectTrue<Equal<ReturnType<typeof many>, Promise<readonly [string, number]>>>();

  const nothing = cached('users', () => null, { key: 'k:{0}' });
  expectTrue<Equal<typeof nothing, CachedFunction<[], null>>>();
}

/** Overloads collapse to the last one. */
export function overloads(cached: Cached): void {
  function find(id: number): Promise<User>;
  function find(name: string): Promise<User[]>;
  function find(by: number | string): Promise<User | User[]> {
    return Promise.resolve(typeof by === 'number' ? { id: by } : []);
  }
  const found = cached('users', find);
  expectTrue<Equal<typeof found, CachedFunction<[name: string], User[]>>>();
  // @ts-expect-error an overload before the last
  void found(1);
}

/** A declared `this` is required of the caller. */
export function thisIsKept(cached: Cached, repository: Repository): void {
  const load = cached('users', function load(this: Repository, id: number) {
    return `${this.table}:${String(id)}`;
  });
  expectTrue<Equal<typeof load, CachedFunction<[id: number], string, Repository>>>();
  void load.call(repository, 1);
  const owner = { table: 't', load };
  void owner.load(1);
  // @ts-expect-error there is no `this`
  void load(1);
  // @ts-expect-error another `this`
  void load.call({ chair: 1 }, 1);
}

/** The methods take the parameters of the function. */
export function methods(cached: Cached): void {
  const load = cached('users', async (id: number): Promise<User> => ({ id }), { key: 'k:{0}' });
  expectTrue<Equal<ReturnType<typeof load.keyFor>, string>>();
  expectTrue<Equal<ReturnType<typeof load.invalidate>, Promise<boolean>>>();
  expectTrue<Equal<ReturnType<typeof load.refresh>, Promise<User>>>();
  expectTrue<Equal<Parameters<typeof load.invalidate>, [id: number]>>();
  // @ts-expect-error a parameter of another type
  load.keyFor('1');
  // @ts-expect-error a parameter is missing
  void load.invalidate();
  // @ts-expect-error a parameter is missing
  void load.refresh();
}

/** The options are checked, and do not widen the parameters. */
export function options(cached: Cached): void {
  const load = cached('users', async (id: number, name: string): Promise<User> => ({ id: id + name.length }), {
    ttl: '5m',
    key: (id, name) => {
      expectTrue<Equal<typeof id, number>>();
      expectTrue<Equal<typeof name, string>>();
      return `${String(id)}:${name}`;
    },
    cacheType: 'two-level',
    onCacheError: 'propagate',
    timeout: 2,
    allowStale: false,
  });
  expectTrue<Equal<Parameters<typeof load>, [id: number, name: string]>>();
  const one = async (id: number): Promise<User> => ({ id });
  expectTrue<Equal<Parameters<ReturnType<typeof cached<[id: number], Promise<User>>>>, [id: number]>>();
  void cached('users', one, { key: () => 'constant' })(1);
  // @ts-expect-error the key function takes another type
  cached('users', one, { key: (id: string) => id });
  // @ts-expect-error the key must be a string
  cached('users', one, { key: (id) => id });
  // @ts-expect-error an unknown option
  cached('users', one, { ttll: 5 });
  cached('users', one, { tags: ['a'] });
  cached('users', one, { tags: (id) => [`user:${String(id satisfies number)}`] });
  // @ts-expect-error tags are strings
  cached('users', one, { tags: [5] });
  // @ts-expect-error a list of tags, not one
  cached('users', one, { tags: 'a' });
  // @ts-expect-error the function of the tags takes another type
  cached('users', one, { tags: (id: string) => [id] });
  // @ts-expect-error the function returns one tag instead of a list
  cached('users', one, { tags: (id) => String(id) });
  // @ts-expect-error no such tier
  cached('users', one, { cacheType: 'l3' });
  // @ts-expect-error neither a name nor a client
  cached(5, one);
}
