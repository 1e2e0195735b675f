/**
 * Every method, with every unusable argument in the place of each of its parameters, in every kind of service: a clear error before a tier, a
 * counter or a loader is touched (G12). The calls are generated; a method without its line does not compile.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cached, CacheError, type CacheClient, type CacheManager } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { entryNames } from '../clients/workbench.js';
import { l2At, l2OnlyAt, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
let server: RedisServer;
let manager: CacheManager;
let loads = 0;

const KEY_LIMIT = 50;
const VALUE_LIMIT = 1000;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

/** Named values; the name is for the message of a test that fails. */
type Named = readonly (readonly [string, unknown])[];

const NO_TEXTS: Named = [
  ['a number', 42],
  ['undefined', undefined],
  ['null', null],
  ['an object', {}],
  ['a list', ['kept']],
  ['a symbol', Symbol('k')],
  ['a function', () => 'kept'],
  ['a bigint', 5n],
  ['a boolean', true],
  ['a String', new String('kept')],
];
const BAD_TEXTS: Named = [
  ['empty', ''],
  ['half a surrogate pair', 'a\ud800b'],
  ['the other half', '\udc00'],
  ['reserved', '\u0001oxcache:tag:t'],
];
const KEYS: Named = [...BAD_TEXTS, ...NO_TEXTS, ['too long', 'k'.repeat(KEY_LIMIT + 1)]];
const TAGS: Named = [...BAD_TEXTS, ...NO_TEXTS.filter(([name]) => name !== 'a list'), ['too long', 't'.repeat(257)]];
const DURATIONS: Named = [
  ['zero', 0],
  ['negative', -1],
  ['-0', -0],
  ['NaN', NaN],
  ['-Infinity', -Infinity],
  ['31 days', '31d'],
  ['a year of seconds', 31_536_000],
  ['no unit that exists', '5 mins'],
  ['an empty text', ''],
  ['a negative text', '-5s'],
  ['a zero text', '0s'],
  ['no strategy', 'forever'],
  ['null', null],
  ['a boolean', true],
  ['an object', {}],
  ['a list', [5]],
  ['a bigint', 5n],
  ['a Number', new Number(5)],
  ['a date', new Date(5000)],
];
/** Objects that are no options, though they have no option that is unknown. */
const NO_OPTIONS: Named = [
  ['a list', []],
  ['a function', () => 1],
  ['a date', new Date(5000)],
  ['a Map', new Map([['ttl', 5]])],
  ['a Set', new Set()],
  ['a regular expression', /5/],
  ['a promise', Promise.resolve({ ttl: 5 })],
  ['a Number', new Number(5)],
  ['a boolean', true],
  ['a symbol', Symbol('o')],
];

const inside = (option: string, values: Named, rest: object = {}): Named =>
  values.map(([name, value]) => [`{ ${option}: ${name} }`, { ...rest, [option]: value }]);
const except = (values: Named, ...names: string[]): Named => values.filter(([name]) => !names.includes(name));

const TAG_LISTS: Named = [
  ['a text', 't'],
  ['null', null],
  ['an object', {}],
  ['a Set', new Set(['t'])],
  ['too many', Array.from({ length: 1000 }, (_, index) => `t${index}`)],
  ...TAGS.map(([name, tag]): [string, unknown] => [`one that is ${name}`, ['t', tag]]),
];
const SET_OPTIONS: Named = [
  ['null', null],
  ['an unknown option', { tll: 5 }],
  ...NO_OPTIONS,
  ...except(DURATIONS, 'an object', 'null', 'a boolean', 'a list', 'a Number', 'a date'),
  ...inside('ttl', DURATIONS),
  ...inside('tags', TAG_LISTS),
];
const LOAD_OPTIONS: Named = [
  ['null', null],
  ['a number', 5],
  ['a text', '5s'],
  ['an unknown option', { timeOut: 5 }],
  ...NO_OPTIONS,
  ...inside('ttl', DURATIONS),
  ...inside('timeout', DURATIONS),
  ...inside('tags', TAG_LISTS),
  ...inside('allowStale', [
    ['a text', 'yes'],
    ['a number', 1],
    ['null', null],
  ]),
  ...inside('disableLoad', [
    ['a text', 'no'],
    ['a number', 0],
    ['null', null],
  ]),
  ...inside('signal', [
    ['an object', {}],
    ['a controller', new AbortController()],
    ['null', null],
  ]),
];
const LOCK_OPTIONS: Named = [
  ['null', null],
  ['undefined', undefined],
  ['a number', 5],
  ['without ttl', {}],
  ['an unknown option', { ttl: '1s', wiat: 1 }],
  ...NO_OPTIONS,
  ...inside('ttl', DURATIONS),
  ...inside('wait', except(DURATIONS, 'zero', '-0', 'a zero text'), { ttl: '1s' }),
];
const NO_FUNCTIONS: Named = [
  ['undefined', undefined],
  ['null', null],
  ['a text', 'f'],
  ['an object', {}],
  ['a promise', Promise.resolve(1)],
];
const KEY_LISTS: Named = [
  ['a text', 'kept'],
  ['undefined', undefined],
  ['null', null],
  ['an object', { 0: 'kept', length: 1 }],
  ['a Set', new Set(['kept'])],
  ...KEYS.map(([name, key]): [string, unknown] => [`one that is ${name}`, ['kept', key]]),
];
const VALUES: Named = [
  ['undefined', undefined],
  ['too large', 'x'.repeat(VALUE_LIMIT + 1)],
];
const ENTRY_LISTS: Named = [
  ['a text', 'kept'],
  ['undefined', undefined],
  ['null', null],
  ['a number', 5],
  ['an object', { kept: 1 }],
  ['a list of texts', ['ab']],
  ['a list of null', [null]],
  ['a list of lists too short', [['fine', 1], ['short']]],
  ...KEYS.map(([name, key]): [string, unknown] => [
    `one whose key is ${name}`,
    [
      ['fine', 1],
      [key, 1],
    ],
  ]),
  ...VALUES.map(([name, value]): [string, unknown] => [
    `one whose value is ${name}`,
    [
      ['fine', 1],
      ['k', value],
    ],
  ]),
];

/** A parameter: what is usable, and what is not. */
interface Parameter {
  readonly good: unknown;
  readonly bad: Named;
}

const loader = (): number => ++loads;
const PARAMETERS = {
  key: { good: 'fine', bad: KEYS },
  keys: { good: ['fine'], bad: KEY_LISTS },
  value: { good: 1, bad: VALUES },
  ttl: { good: 5, bad: [...DURATIONS, ['undefined', undefined]] },
  setOptions: { good: { ttl: 5 }, bad: SET_OPTIONS },
  loadOptions: { good: { ttl: 5 }, bad: LOAD_OPTIONS },
  lockOptions: { good: { ttl: 5 }, bad: LOCK_OPTIONS },
  loader: { good: loader, bad: NO_FUNCTIONS },
  entries: { good: [['fine', 1]], bad: ENTRY_LISTS },
  tag: { good: 't', bad: TAGS },
  event: { good: 'hit', bad: [...NO_TEXTS, ['no event', 'hits'], ['of every object', 'constructor']] },
  listener: { good: () => undefined, bad: NO_FUNCTIONS },
} as const satisfies Readonly<Record<string, Parameter>>;

type Kind = 'l1' | 'l2' | 'two-level';
const ALL: readonly Kind[] = ['l1', 'l2', 'two-level'];
type Method = keyof CacheClient;

/** What each method takes, and in which services it exists. */
const METHODS: Readonly<Record<Method, readonly [readonly (keyof typeof PARAMETERS)[], readonly Kind[]]>> = {
  service: [[], ALL],
  get: [['key'], ALL],
  peek: [['key'], ALL],
  lookup: [['key'], ALL],
  set: [['key', 'value', 'setOptions'], ALL],
  delete: [['key'], ALL],
  has: [['key'], ALL],
  expire: [['key', 'ttl'], ALL],
  getMany: [['keys'], ALL],
  setMany: [['entries', 'setOptions'], ALL],
  deleteMany: [['keys'], ALL],
  getOrLoad: [['key', 'loader', 'loadOptions'], ALL],
  getOrLoadMany: [['keys', 'loader', 'loadOptions'], ALL],
  refresh: [['key', 'loader', 'loadOptions'], ALL],
  setL1Only: [
    ['key', 'value', 'setOptions'],
    ['l1', 'two-level'],
  ],
  setL2Only: [
    ['key', 'value', 'setOptions'],
    ['l2', 'two-level'],
  ],
  getL1Only: [['key'], ['l1', 'two-level']],
  getL2Only: [['key'], ['l2', 'two-level']],
  invalidateTags: [['tag', 'tag'], ALL],
  lock: [
    ['key', 'lockOptions'],
    ['l2', 'two-level'],
  ],
  clear: [[], ALL],
  flush: [[], ALL],
  close: [[], ALL],
  health: [[], ALL],
  metrics: [[], ALL],
  on: [['event', 'listener'], ALL],
  off: [['event', 'listener'], ALL],
};
/** These throw; all others return a promise that rejects. */
const THROWING: readonly Method[] = ['peek', 'on', 'off'];
/** What is unusable nowhere but in Redis. */
const ONLY_WITH_L2 = ['too large', 'one whose value is too large'];

interface BadCall {
  readonly name: string;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** Every call of a kind of service with exactly one argument that is unusable. */
function badCalls(kind: Kind): BadCall[] {
  return Object.entries(METHODS).flatMap(([method, [parameters, kinds]]) =>
    kinds.includes(kind)
      ? parameters.flatMap((parameter, at) => {
          const all: Named = PARAMETERS[parameter].bad;
          // A method that reads or keeps everything in memory has no limit to what a value may be.
          const bad = kind === 'l1' || method === 'setL1Only' ? except(all, ...ONLY_WITH_L2) : all;
          return bad.map(([name, value]) => ({
            name: `${method}(${parameters.map((each, index) => (index === at ? name : each)).join(', ')})`,
            method: method as Method,
            args: parameters.map((each, index) => (index === at ? value : PARAMETERS[each].good)),
          }));
        })
      : [],
  );
}

/** The error a call ends with, in the way in which it should end; a text says what is wrong. */
async function errorOf(client: CacheClient, { method, args }: BadCall): Promise<unknown> {
  let answer: unknown;
  try {
    answer = (client[method] as (...given: readonly unknown[]) => unknown).call(client, ...args);
  } catch (error) {
    return THROWING.includes(method) ? error : `throws ${String(error)}`;
  }
  if (!(answer instanceof Promise)) return 'is accepted';
  return answer.then(
    () => 'is accepted',
    (error: unknown) => error,
  );
}

function isClear(error: unknown): boolean {
  if (!(error instanceof Error) || error.message.length < 20) return false;
  return error instanceof TypeError || CacheError.is(error, 'CACHE_KEY_INVALID', 'CACHE_VALUE_TOO_LARGE');
}

describe.each(ALL)('G12: a service of the kind %s', (kind) => {
  test('refuses every unusable argument of every method, and nothing changes', async () => {
    const limits = { max_key_length: KEY_LIMIT, max_value_size: VALUE_LIMIT };
    const l2 = l2At(server, limits);
    const longest = kind === 'l1' ? 1024 : KEY_LIMIT;
    manager = await rig.open({
      s: kind === 'l1' ? { cache_type: 'l1', ttl: 600 } : kind === 'l2' ? l2OnlyAt(server, { l2 }) : twoLevelAt(server, { l2 }),
    });
    const client = manager.client('s');
    await server.flush();
    await client.set('kept', 'v');
    if (kind !== 'l1') await until(() => client.health().status === 'healthy');
    const before = [client.metrics(), await entryNames(server)];
    loads = 0;
    const findings: string[] = [];
    const calls = badCalls(kind);
    for (const call of calls) {
      const error = await errorOf(client, { ...call, args: widen(call.args, longest) });
      if (!isClear(error)) findings.push(`${call.name}: ${String(error)}`);
    }
    expect(findings).toEqual([]);
    expect(calls.length).toBeGreaterThan(300);
    expect(loads).toBe(0);
    expect([client.metrics(), await entryNames(server)]).toEqual(before);
    expect(await client.get('kept')).toBe('v');
  });
});

/** Keys that are too long for Redis are too long for a service without it only when they are longer still. */
function widen(args: readonly unknown[], longest: number): unknown[] {
  const long = 'k'.repeat(KEY_LIMIT + 1);
  const wide = (arg: unknown): unknown => {
    if (arg === long) return 'k'.repeat(longest + 1);
    return Array.isArray(arg) && arg.length < 10 ? arg.map(wide) : arg;
  };
  return args.map(wide);
}

test('G12: invalidateTags without a tag is refused', async () => {
  const client = (await rig.open({ s: { cache_type: 'l1', ttl: 600 } })).client('s');
  await expect(client.invalidateTags()).rejects.toBeInstanceOf(TypeError);
});

test('G12: options of close() and of cached() that are none are refused, and nothing is closed', async () => {
  const opened = await rig.open({ s: { cache_type: 'l1', ttl: 600 } });
  for (const [, options] of [...NO_OPTIONS, ['null', null], ['an unknown option', { deadlin: 5 }]] as Named) {
    await expect(opened.close(options as { deadline: number })).rejects.toBeInstanceOf(TypeError);
    expect(() => cached('s', async (id: number) => id, options as object)).toThrow(TypeError);
  }
  await opened.client('s').set('k', 'v');
  expect(opened.client('s').peek('k')).toBe('v');
});
