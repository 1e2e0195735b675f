/** The judge of the matrix: that a cell finds what must not be, and nothing else. Its client answers what the test says. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CacheError, type CacheClient } from '../../../lib/index.js';
import { seededRandom } from '../../chaos/support/crash-random.mjs';
import { LoopTime } from '../../chaos/support/loop-time.js';
import { MatrixCell } from '../../chaos/support/matrix-cell.js';

let loopTime: LoopTime;
let cell: MatrixCell;

beforeEach(() => {
  loopTime = new LoopTime();
  const parts = { method: 'set', kind: 'l2', other: undefined, loopTime, random: seededRandom(1) } as const;
  cell = new MatrixCell({ ...parts, client: {} as CacheClient<string> });
});
afterEach(() => {
  loopTime.stop();
});

const written = { l1: false, l2: 'written' };
const away = new CacheError('CACHE_L2_TIMEOUT', 'too late');
const rejects = (error: Error) => (): Promise<never> => Promise.reject(error);

test('a value that was acknowledged is right, and any other one is found', async () => {
  await cell.write({ k: 'a' }, async () => written);
  await cell.read('k', async () => 'a');
  expect(cell.findings).toEqual([]);
  await cell.read('k', async () => 'b');
  await cell.read('k', async () => undefined);
  expect(cell.findings).toEqual(['l2 set: read k: b, not a', 'l2 set: read k: undefined, not a']);
});

test('while a fault lasts nothing may be found, and an older value is found fault with all the same', async () => {
  await cell.write({ k: 'a' }, async () => written);
  cell.phase = 'fault';
  await cell.write({ k: 'b' }, async () => ({ l1: false, l2: 'logged' }));
  await cell.read('k', async () => undefined);
  expect(cell.findings).toEqual([]);
  await cell.read('k', async () => 'a');
  expect([cell.findings.length, cell.lateFindings.length]).toEqual([0, 1]);
  await cell.read('k', async () => 'never written');
  expect(cell.findings).toHaveLength(1);
  cell.phase = 'calm';
  await cell.read('k', async () => 'a');
  expect([cell.findings.length, cell.lateFindings.length]).toEqual([2, 1]);
});

test('after a write that failed either value is right', async () => {
  await cell.write({ k: 'a' }, async () => written);
  cell.phase = 'fault';
  expect(await cell.write({ k: undefined }, rejects(away))).toBe(false);
  cell.phase = 'calm';
  for (const value of ['a', undefined]) await cell.read('k', async () => value);
  expect(cell.findings).toEqual([]);
});

test('without a fault a rejection is found, and a write that nobody has', async () => {
  await cell.write({ k: 'a' }, rejects(away));
  await cell.write({ k: 'a' }, async () => ({ l1: true, l2: 'none' }));
  expect(cell.findings).toHaveLength(2);
});

test('in a fault a rejection with another code is found', async () => {
  cell.phase = 'fault';
  await cell.ask(rejects(away));
  expect(cell.findings).toEqual([]);
  for (const error of [new Error('x'), new TypeError('x'), new CacheError('CACHE_INTERNAL', 'x')]) await cell.ask(rejects(error));
  expect(cell.findings).toHaveLength(3);
});

test('a call that never settles is found', async () => {
  cell.phase = 'fault';
  await cell.ask(() => new Promise(() => undefined));
  expect(cell.findings).toEqual([expect.stringContaining('not settled')]);
}, 60_000);

test('an eviction may take what was acknowledged, and brings nothing back', async () => {
  await cell.write({ k: 'a' }, async () => written);
  await cell.write({ k: undefined }, async () => true);
  cell.losesEntries = true;
  await cell.read('k', async () => undefined);
  expect(cell.findings).toEqual([]);
  await cell.read('k', async () => 'a');
  expect(cell.findings).toHaveLength(1);
});
