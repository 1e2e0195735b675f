/** A clear of Redis, with what is in the log: what is noted until Redis has it is that clear, and no other (G4, G17). */
import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Replayer } from '../../../lib/recovery/replayer.js';
import { ServiceLog } from '../../../lib/recovery/service-log.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { adopt, openBench, seal, type Bench } from './log-bench.js';

const folder = useTemporaryFolder();

/** Replays nothing. */
const REPLAYER = { nudge: () => undefined, quiesce: () => Promise.resolve() } as unknown as Replayer;

async function openLogged(): Promise<{ readonly bench: Bench; readonly log: ServiceLog }> {
  const bench = await openBench(join(folder.path, 'own'));
  const version = bench.version();
  await bench.log.put('k', seal(version, '"logged"'), version);
  return { bench, log: new ServiceLog(bench.log, REPLAYER, false) };
}

/** A Redis that takes a clear when it is told to. */
function heldClear(): { readonly clear: () => Promise<void>; readonly done: () => void } {
  let done = (): void => undefined;
  const taken = new Promise<void>((resolve) => (done = resolve));
  return { clear: () => taken, done };
}

test('the end of a clear is not taken for that of a later one', async () => {
  const { bench, log } = await openLogged();
  const first = heldClear();
  const second = heldClear();
  const clearing = log.clearThrough(bench.version(), first.clear);
  const later = bench.version();
  const clearingLater = log.clearThrough(later, second.clear);
  first.done();
  await clearing;
  // Killed now, a successor has to clear.
  expect(bench.log.index.facts.invalidateBefore.version).toBe(later);
  second.done();
  await clearingLater;
  expect(bench.log.index.facts).toMatchObject({ deadBefore: { version: later }, invalidateBefore: { version: '' } });
  await bench.log.close();
});

test('nor for that of one which a process that is gone could not carry out', async () => {
  const { bench, log } = await openLogged();
  const { clear, done } = heldClear();
  const clearing = log.clearThrough(bench.version(), clear);
  const dead = await openBench(join(folder.path, 'dead'), { clock: bench.clock, nodeId: 'node002' });
  bench.clock.advance(10);
  const point = dead.version();
  await dead.log.clear(point);
  await adopt(bench, [dead.folder]);
  done();
  await clearing;
  expect(bench.log.index.facts.invalidateBefore.version).toBe(point);
  expect(log.owed.clears).toBe(1);
  await bench.log.close();
});

test('the own last write of a key is one that nobody is sending, and none of a process that is gone', async () => {
  const { bench, log } = await openLogged();
  expect(log.ownVersionOf('k')).toBe(bench.log.find('k')?.version);
  const ahead = bench.version();
  await log.putAhead('k', seal(ahead, '"sent"'), ahead);
  expect(log.ownVersionOf('k')).toBe('');
  // Redis did not confirm it.
  expect(log.release('k', ahead)).toBe(true);
  expect(log.ownVersionOf('k')).toBe(ahead);
  const dead = await openBench(join(folder.path, 'dead'), { clock: bench.clock, nodeId: 'node002' });
  const version = dead.version();
  await dead.log.put('other', seal(version, '"theirs"'), version);
  await adopt(bench, [dead.folder]);
  expect(log.find('other')?.version).toBe(version);
  expect(log.ownVersionOf('other')).toBe('');
  await bench.log.close();
});
