/**
 * Every method under every fault, for every kind of service: no call hangs, nothing wrong is read, what was acknowledged is there afterwards
 * and after a restart, health says what it should, nothing is owed, and no error goes unheard (G4, G6, G7, G12, G16, G17). The cells are
 * generated from `matrix-methods.ts` and `matrix-faults.ts`. The short form plays each method under each fault for one kind of service,
 * which the seed picks. OXCACHE_MATRIX=long plays all kinds, and adds codecs, compression, sentinels and a cluster; OXCACHE_MATRIX_FAULT and
 * OXCACHE_MATRIX_SETTING pick faults and settings by a part of their names, OXCACHE_CHAOS_SEED repeats a run.
 */
import { writeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TieredClient } from '../../lib/clients/tiered-client.js';
import { REDIS_MODES } from '../support/deployment.js';
import { useTemporaryFolder } from '../support/temporary-folder.js';
import { seededRandom } from './support/crash-random.mjs';
import { playColumn } from './support/matrix-column.js';
import { MATRIX_FAULTS } from './support/matrix-faults.js';
import { METHOD_ROWS } from './support/matrix-methods.js';
import { CELL_PLACES, MatrixWorld, samplePlaces, type MatrixSetting } from './support/matrix-world.js';

const SHORT: MatrixSetting = { mode: 'standalone', serialization: 'json', compression: 'none' };
const IS_LONG = process.env.OXCACHE_MATRIX === 'long';
const ALL: readonly MatrixSetting[] = IS_LONG
  ? [
      SHORT,
      { ...SHORT, serialization: 'msgpack' },
      { ...SHORT, compression: 'gzip' },
      { ...SHORT, mode: 'sentinel' },
      { ...SHORT, mode: 'cluster' },
    ]
  : [SHORT];
const SETTINGS = ALL.filter((setting) =>
  Object.values(setting)
    .join()
    .includes(process.env.OXCACHE_MATRIX_SETTING ?? ''),
);
const HOLD_MS = IS_LONG ? 2000 : 400;
const SEED = Number(process.env.OXCACHE_CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));
const CHOSEN = process.env.OXCACHE_MATRIX_FAULT ?? '';

const folder = useTemporaryFolder();

describe.each(SETTINGS)('$mode, $serialization, compression $compression', (setting) => {
  const faults = MATRIX_FAULTS.filter(({ name, modes = REDIS_MODES }) => name.includes(CHOSEN) && modes.includes(setting.mode));
  let world: MatrixWorld;

  beforeAll(async () => {
    // Past jest, which puts a stack trace beside every line.
    writeSync(2, `matrix: OXCACHE_CHAOS_SEED=${SEED}, ${faults.length} faults\n`);
    world = await MatrixWorld.start(setting);
  }, 60_000);
  afterAll(() => world.stop());

  test.each(faults)(
    '$name: every method of every service',
    async (fault) => {
      // By its place, so that a fault that is picked alone is played as it was among the others.
      const random = seededRandom(SEED + MATRIX_FAULTS.indexOf(fault));
      await world.reset(folder.path, random, IS_LONG && fault.isSampled !== true ? CELL_PLACES : samplePlaces(random));
      const { cells, calls, findings } = await playColumn(fault, world, { holdMs: HOLD_MS, random });
      if (findings.length > 0) writeSync(2, `${fault.name}: ${findings.slice(0, 40).join('\n  ')}\n`);
      expect(findings).toEqual([]);
      expect(calls).toBeGreaterThan(cells * 3);
    },
    120_000,
  );
});

test('every member of a client has its row, and every row is of a member', () => {
  // What the wrappers use beyond the public face.
  const internal = ['constructor', 'view', 'reportError'];
  const methods = Object.getOwnPropertyNames(TieredClient.prototype).filter((name) => !internal.includes(name));
  expect(Object.keys(METHOD_ROWS).sort()).toEqual([...new Set([...methods, 'service', 'cached'])].sort());
  expect(new Set(CELL_PLACES.map(({ service }) => service)).size).toBe(CELL_PLACES.length);
});
