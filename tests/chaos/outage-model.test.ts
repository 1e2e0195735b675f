/**
 * Whatever is written, removed and read while a real Redis is killed, frozen and brought back and the process starts anew, the
 * process reads what it wrote last, and in the end Redis has that and nothing else (G2, G4, G7, G8).
 */
import { join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import fc from 'fast-check';
import { createManager, type ConfigObject } from '../../lib/index.js';
import { RedisServer } from '../support/redis-server.js';
import { useTemporaryFolder } from '../support/temporary-folder.js';
import { LONG_MS, OutageModelWorld, SHORT_MS } from './support/outage-model-world.js';

const RUNS = 30;
/** A machine that takes longer makes fewer runs. */
const BUSY_MACHINE_MS = 35_000;
const MAX_STEPS = 15;
/** So many that L1 has room for some of them only. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const L1_ENTRIES = 3;

type Step = (world: OutageModelWorld) => Promise<void>;

/** A step with the name that a failure shows it by. */
function step(name: string, run: Step): { readonly run: Step; toString(): string } {
  return { run, toString: () => name };
}

const key = fc.constantFrom(...KEYS);
const steps = fc.oneof(
  { weight: 6, arbitrary: key.map((k) => step(`set ${k}`, (world) => world.set(k, 1, LONG_MS))) },
  { weight: 2, arbitrary: key.map((k) => step(`set ${k} at once`, (world) => world.set(k, 4, LONG_MS))) },
  { weight: 2, arbitrary: key.map((k) => step(`set ${k} briefly`, (world) => world.set(k, 1, SHORT_MS))) },
  {
    weight: 3,
    arbitrary: fc.uniqueArray(key, { minLength: 2 }).map((ks) => step(`set ${ks.join('+')}`, (world) => world.setMany(ks))),
  },
  { weight: 4, arbitrary: key.map((k) => step(`delete ${k}`, (world) => world.delete(k))) },
  { weight: 1, arbitrary: fc.constant(step('clear', (world) => world.clear())) },
  { weight: 3, arbitrary: fc.constant(step('kill or start Redis', (world) => world.turn('killed'))) },
  { weight: 3, arbitrary: fc.constant(step('freeze or thaw Redis', (world) => world.turn('frozen'))) },
  { weight: 2, arbitrary: fc.constant(step('wait', (world) => world.notice())) },
  { weight: 2, arbitrary: fc.constant(step('restart', (world) => world.restart())) },
  { weight: 1, arbitrary: fc.constant(step('outlive', (world) => world.outlive())) },
);

const folder = useTemporaryFolder();
let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start({ appendonly: true });
});

afterAll(() => server.stop());

function configFor(run: number, purpose: string): ConfigObject {
  return {
    global: { log_level: 'silent', key_prefix: `run${run}`, wal: { dir: join(folder.path, `${run}-${purpose}`) } },
    services: {
      s: {
        cache_type: 'two-level',
        ttl: LONG_MS / 1000,
        l1: { max_capacity: L1_ENTRIES },
        l2: { connection_string: server.url, command_timeout_ms: 80, connection_timeout_ms: 300 },
      },
    },
  };
}

test(
  'G2, G4, G7, G8: the process reads what it wrote last, and in the end Redis has it',
  async () => {
    let runs = 0;
    const seed = process.env.OXCACHE_CHAOS_SEED;
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 8, maxLength: MAX_STEPS, size: 'max' }), async (list) => {
        const run = ++runs;
        const world = await OutageModelWorld.open(server, (purpose) => createManager(configFor(run, purpose)));
        try {
          for (const { run: take } of list) {
            await take(world);
            await world.check(KEYS);
          }
          await world.finish(KEYS);
        } finally {
          await world.close();
        }
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: BUSY_MACHINE_MS, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
  },
  2 * BUSY_MACHINE_MS,
);
