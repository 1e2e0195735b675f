/**
 * Replay against a Redis that loses everything in the middle of it: what this process knows to have been removed does not come back,
 * though the log still has it and Redis knows nothing of the removal any more (G4, G7).
 */
import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { CacheError } from '../../../lib/base/errors.js';
import { kindOfSealed, sealEnvelope } from '../../../lib/codec/envelope.js';
import { Replayer } from '../../../lib/recovery/replayer.js';
import { ClearLine } from '../../../lib/tiers/redis/clear-line.js';
import type { RedisConnection } from '../../../lib/tiers/redis/redis-connection.js';
import type { RedisTier } from '../../../lib/tiers/redis/redis-tier.js';
import { tagMarkOf, tagOfMark } from '../../../lib/tiers/redis/tag-mark.js';
import type { ScriptWrite, WriteOutcome } from '../../../lib/tiers/redis/write-script.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';
import { openBench, seal, type Bench } from './log-bench.js';

const folder = useTemporaryFolder();

const LIFE_MS = 60_000;

/** A Redis that applies what it is sent, as long as it is there, and a replayer of the log on the bench. */
class World {
  readonly clearLine: ClearLine;
  readonly replayer: Replayer;
  /** What it has, by key: the kind of the entry. */
  readonly entries = new Map<string, string>();
  /** What this process knows of its tags. */
  readonly tags = new Map<string, string>();
  /** It is gone as soon as it is sent a value. */
  diesOfValues = false;
  phases: string[] = [];
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.clearLine = new ClearLine(bench.hybridClock);
    const tier = {
      clock: bench.hybridClock,
      clearLine: this.clearLine,
      takesWrites: true,
      nameOf: (key: string) => key,
      sealDeletion: (version: string) => seal(version, undefined),
      clear: () => Promise.resolve(),
      apply: (writes: readonly ScriptWrite[]) => this.#apply(writes),
    };
    const connection = { eviction: { hasTakenTombstones: () => Promise.resolve(false) }, beginReplay: () => () => undefined };
    this.replayer = new Replayer({
      log: bench.log,
      tier: tier as unknown as RedisTier,
      connection: connection as unknown as RedisConnection,
      clock: bench.clock,
      random: () => 0,
      mode: 'restore',
      maxAgeMs: LIFE_MS,
      pace: { keysPerSecond: Infinity, batchKeys: 200, maxInFlight: 2, jitterMs: 0 },
      isOvertaken: () => false,
      onSuperseded: () => undefined,
      areTagsOlder: (tags, version) => tags.some((tag) => (this.tags.get(tag) ?? '') > version),
      onInvalidated: () => undefined,
      onPhase: (phase) => this.phases.push(phase),
    });
  }

  async log(key: string, isValue: boolean, tags?: readonly string[]): Promise<string> {
    const version = this.#bench.version();
    const atMs = this.#bench.clock.nowMs();
    const header = { kind: 'v', version, codec: 'j', compression: '-' } as const;
    const times = { createdAtMs: atMs, freshUntilMs: atMs + LIFE_MS, expiresAtMs: atMs + LIFE_MS };
    const sealed = isValue
      ? sealEnvelope({ ...header, ...times, ...(tags === undefined ? {} : { tags }) }, '1')
      : seal(version, undefined);
    expect(await this.#bench.log.put(key, sealed, version)).toBe('logged');
    return version;
  }

  /** Replays what is logged; resolves to how that ended. */
  async replay(): Promise<string> {
    this.phases = [];
    this.replayer.start();
    await until(() => ['finished', 'interrupted'].includes(this.phases.at(-1) ?? ''));
    return this.phases.at(-1) ?? '';
  }

  /** Redis comes back without its data. */
  lose(): void {
    this.entries.clear();
    this.diesOfValues = false;
  }

  #apply(writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> {
    if (this.diesOfValues && writes.some(({ sealed }) => kindOfSealed(sealed) === 'v'))
      return Promise.reject(new CacheError('CACHE_L2_UNAVAILABLE', 'gone'));
    for (const { key, sealed, version } of writes) {
      const tag = tagOfMark(key);
      if (tag === undefined) this.entries.set(key, kindOfSealed(sealed));
      else this.tags.set(tag, version);
    }
    return Promise.resolve(writes.map(() => 'created'));
  }
}

async function openWorld(): Promise<{ readonly bench: Bench; readonly world: World }> {
  const bench = await openBench(join(folder.path, 'own'));
  return { bench, world: new World(bench) };
}

test('a value whose tag was invalidated is an invalidation, though Redis has forgotten that of the tag', async () => {
  const { bench, world } = await openWorld();
  await world.log('tagged', true, ['t']);
  await world.log('other', true, ['u']);
  await world.log(tagMarkOf('t'), false);
  await world.log('later', true, ['t']);
  world.diesOfValues = true;
  expect(await world.replay()).toBe('interrupted');
  expect(bench.log.find(tagMarkOf('t'))).toBeUndefined();
  world.lose();
  expect(await world.replay()).toBe('finished');
  expect(world.entries).toEqual(
    new Map([
      ['tagged', 'd'],
      ['other', 'v'],
      ['later', 'v'],
    ]),
  );
  expect(bench.log.isEmpty).toBe(true);
  await world.replayer.close();
  await bench.log.close();
});

test('a value that was cleared since is one too, though Redis has forgotten the clear', async () => {
  const { bench, world } = await openWorld();
  await world.log('before', true);
  world.clearLine.raise(bench.version());
  await world.log('after', true);
  world.lose();
  expect(await world.replay()).toBe('finished');
  expect(world.entries).toEqual(
    new Map([
      ['before', 'd'],
      ['after', 'v'],
    ]),
  );
  await world.replayer.close();
  await bench.log.close();
});
