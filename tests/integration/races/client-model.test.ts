/**
 * Whatever is called on a two-level service in whatever order, much of it at the same time, over a network of changing speed: no
 * read is older than the last write that was known to be over, and at the end L1 and Redis agree on the last one (G4, G8).
 *
 * Every write and every load takes the next number when it is called, and that number is its value: what is read can be
 * compared with what was written by age alone.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CacheClient, CacheManager, SetResult } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { l2At, twoLevelAt, useRig } from '../outage/rig.js';

const RUNS = 200;

interface Value {
  readonly number: number;
  readonly filler: string;
}

/** What a key has seen. Numbers of what was called, 0 for nothing. */
interface History {
  /** The last write, and the last one whose promise had been settled. */
  lastWrite: number;
  lastSettled: number;
  /** The last thing after which there may be nothing: a deletion, a clear, a load that found nothing. */
  lastRemoval: number;
}

const KEYS = ['a', 'b', 'c'] as const;
type Key = (typeof KEYS)[number];

/** The service under test and what ought to be in it. */
class World {
  readonly client: CacheClient<Value>;
  readonly proxy: TcpFaultProxy;
  readonly pending: Promise<unknown>[] = [];
  readonly histories = new Map<Key, History>(KEYS.map((key) => [key, { lastWrite: 0, lastSettled: 0, lastRemoval: 0 }]));
  #number = 0;

  constructor(client: CacheClient<Value>, proxy: TcpFaultProxy) {
    this.client = client;
    this.proxy = proxy;
  }

  value(isLarge = false): Value {
    return { number: ++this.#number, filler: isLarge ? `${this.#number}`.repeat(20_000) : '' };
  }

  of(key: Key): History {
    return this.histories.get(key) as History;
  }

  /** A call that writes `keys`, in the order of the calls. */
  write(keys: readonly Key[], number: number, isRemoval: boolean, call: () => Promise<unknown>): void {
    for (const key of keys) {
      this.of(key).lastWrite = number;
      if (isRemoval) this.of(key).lastRemoval = number;
    }
    const settled = call().then((result) => {
      for (const key of keys) {
        // A set that a later one has overtaken says that it stored nothing; the later one may still be on its way.
        const { l1, l2 } = ((result instanceof Map ? result.get(key) : result) as Partial<SetResult> | undefined) ?? {};
        if (l1 !== false || l2 !== 'none') this.of(key).lastSettled = Math.max(this.of(key).lastSettled, number);
      }
    });
    this.pending.push(settled);
  }

  /** A call that reads `keys`; what it finds is not older than what was settled when it was called. */
  read(keys: readonly Key[], call: () => Promise<(Value | undefined)[]>): void {
    const settled = keys.map((key) => this.of(key).lastSettled);
    const checked = call().then((values) => {
      for (const [i, key] of keys.entries()) this.check(key, values[i], settled[i] ?? 0);
    });
    this.pending.push(checked);
  }

  check(key: Key, value: Value | undefined, notBefore: number): void {
    const { lastRemoval } = this.of(key);
    const number = value?.number ?? lastRemoval;
    if (number < notBefore) {
      throw new Error(`${key} is ${value === undefined ? `gone, since ${lastRemoval}` : value.number}; ${notBefore} was settled`);
    }
  }

  /** A loader; it takes its number when it begins. */
  loader(key: Key, delayTurns: number, findsNothing: boolean): () => Promise<Value | undefined> {
    return async () => {
      const value = this.value();
      if (findsNothing) this.of(key).lastRemoval = value.number;
      for (let turn = 0; turn < delayTurns; turn++) await new Promise((resolve) => setImmediate(resolve));
      return findsNothing ? undefined : value;
    };
  }

  async settle(): Promise<void> {
    await Promise.all(this.pending.splice(0));
  }

  async end(): Promise<void> {
    await this.settle();
    this.proxy.setLatency(0);
    await this.client.flush();
    for (const key of KEYS) {
      const inL1 = this.client.peek(key);
      const inL2 = await this.client.getL2Only(key);
      this.check(key, inL2, this.of(key).lastWrite);
      if (inL1 !== undefined) expect([key, inL1.number]).toEqual([key, inL2?.number]);
    }
    expect(this.client.metrics()).toMatchObject({ pendingWrites: 0, loadsInFlight: 0 });
  }
}

type Step = (world: World) => void | Promise<void>;

const key = fc.constantFrom(...KEYS);
const turns = fc.integer({ min: 0, max: 5 });
/** fast-check prints a failing run by these names. */
const named = (name: string, step: Step): Step => Object.assign(step, { [fc.toStringMethod]: () => name });

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(key, fc.boolean()).map(([k, isLarge]) =>
      named(`set ${k}${isLarge ? ' large' : ''}`, (world) => {
        const value = world.value(isLarge);
        world.write([k], value.number, false, () => world.client.set(k, value));
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((isLarge) =>
      named(`setMany a b${isLarge ? ' large' : ''}`, (world) => {
        const value = world.value(isLarge);
        world.write(['a', 'b'], value.number, false, () =>
          world.client.setMany([
            ['a', value],
            ['b', value],
          ]),
        );
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: key.map((k) =>
      named(`delete ${k}`, (world) => {
        world.write([k], world.value().number, true, () => world.client.delete(k));
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      named('clear', (world) => {
        world.write(KEYS, world.value().number, true, () => world.client.clear());
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: key.map((k) =>
      named(`get ${k}`, (world) => {
        world.read([k], async () => [await world.client.get(k)]);
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      named('getMany', (world) => {
        world.read(KEYS, async () => {
          const found = await world.client.getMany(KEYS);
          return KEYS.map((k) => found.get(k));
        });
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(key, turns, fc.boolean()).map(([k, delay, nothing]) =>
      named(`getOrLoad ${k} ${delay}${nothing ? ' nothing' : ''}`, (world) => {
        world.read([k], async () => [await world.client.getOrLoad(k, world.loader(k, delay, nothing))]);
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: turns.map((delay) =>
      named(`getOrLoadMany a b ${delay}`, (world) => {
        world.read(['a', 'b'], async () => {
          const load = world.loader('a', delay, false);
          const loaded = await world.client.getOrLoadMany(['a', 'b'], async (keys) => {
            const value = await load();
            return keys.map(() => value);
          });
          return [loaded.get('a'), loaded.get('b')];
        });
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(key, turns).map(([k, delay]) =>
      named(`refresh ${k} ${delay}`, (world) => {
        world.read([k], async () => [await world.client.refresh(k, world.loader(k, delay, false))]);
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: key.map((k) =>
      named(`expire ${k}`, (world) => {
        // With writes all the time there may be no moment for it: that is said, and nothing is changed.
        world.pending.push(
          world.client.expire(k, '10m').catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', message: expect.stringContaining('kept changing') });
          }),
        );
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: turns.map((count) =>
      named(`${count} turns pass`, async () => {
        for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 4 }).map((ms) =>
      named(`latency ${ms} ms`, (world) => {
        world.proxy.setLatency(ms);
      }),
    ),
  },
  { weight: 1, arbitrary: fc.constant(named('all settle', (world) => world.settle())) },
);

const settings = fc.record({
  write_through: fc.boolean(),
  enable_batch_write: fc.boolean(),
  batch_size: fc.constantFrom(1, 3, 100),
  batch_interval_ms: fc.constantFrom(1, 3),
  max_pending: fc.constantFrom(1, 2, 10_000),
  promote_on_hit: fc.boolean(),
});

const rig = useRig();
let server: RedisServer;
let proxy: TcpFaultProxy;

beforeAll(async () => {
  server = await RedisServer.start();
  proxy = await TcpFaultProxy.start(server.port);
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
});

test('G4, G8: no interleaving leaves an older value behind or shows one', async () => {
  let run = 0;
  const property = fc.asyncProperty(
    settings,
    fc.constantFrom(1, 100),
    fc.array(steps, { minLength: 2, maxLength: 40 }),
    async (twoLevel, capacity, chosen) => {
      const service = twoLevelAt(proxy, {
        l1: { max_capacity: capacity },
        l2: l2At(proxy, { command_timeout_ms: 10_000, compression: 'gzip' }),
        two_level: twoLevel,
      });
      const manager: CacheManager = await rig.open({ s: service }, { global: { key_prefix: `run${run++}` } });
      const world = new World(manager.client<Value>('s'), proxy);
      try {
        for (const step of chosen) await step(world);
        await world.end();
      } finally {
        await Promise.allSettled(world.pending);
        proxy.setLatency(0);
        await manager.close();
      }
    },
  );
  await fc.assert(property, { numRuns: RUNS, endOnFailure: false });
});
