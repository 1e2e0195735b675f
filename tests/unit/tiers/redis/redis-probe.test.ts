/** How this process's clock is compared with that of Redis: what is older is decided by it (G4). */
import { expect, test } from '@jest/globals';
import { HybridClock, timeOfVersion } from '../../../../lib/base/hybrid-clock.js';
import { compareClocks, type ProbeParts } from '../../../../lib/tiers/redis/redis-probe.js';
import type { MasterNode } from '../../../../lib/tiers/redis/redis-transport.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';

const NODE = { address: 'a', probeKey: 'p' } as MasterNode;

/** A server whose clock is right, and whose answers to `TIME` take these times, each way of the last one all of its time. */
function serverOf(tripsMs: readonly number[], onAnswer: (round: number) => void = () => undefined) {
  const clock = new FakeClock();
  const hybridClock = new HybridClock(clock, 'node001');
  let round = 0;
  const send = async (): Promise<[string, string]> => {
    const trip = tripsMs[round++] ?? 0;
    // The question took no time, the answer all of it.
    const serverMs = clock.nowMs();
    await Promise.resolve();
    clock.advance(trip);
    onAnswer(round);
    return [String(Math.floor(serverMs / 1000)), String(Math.round((serverMs % 1000) * 1000))];
  };
  const parts = { send, clock, hybridClock } as unknown as ProbeParts;
  return { clock, hybridClock, parts, rounds: () => round };
}

test('a slow first answer decides nothing: no stamp is made by it, and a quick one after it is as good as alone', async () => {
  const stamps: boolean[] = [];
  const { clock, hybridClock, parts } = serverOf([1200, 0.4], () => stamps.push(hybridClock.isAnchored));
  await compareClocks(parts, [NODE]);
  expect(stamps).toEqual([false, false]);
  expect(hybridClock.uncertaintyMs).toBeLessThan(1);
  const version = hybridClock.versionOf(hybridClock.stampEarly());
  expect(Math.abs(timeOfVersion(version) - clock.nowMs())).toBeLessThan(2);
});

test('of slow answers only the best one counts', async () => {
  const { hybridClock, parts, rounds } = serverOf([900, 40, 700, 300]);
  await compareClocks(parts, [NODE]);
  expect(rounds()).toBe(4);
  expect(hybridClock.uncertaintyMs).toBe(20);
});

test('a comparison that fails half way leaves the clock as it was', async () => {
  const { hybridClock, parts } = serverOf([900], (round) => {
    if (round === 2) throw new Error('lost');
  });
  await expect(compareClocks(parts, [NODE])).rejects.toThrow('lost');
  expect(hybridClock.isAnchored).toBe(false);
});
