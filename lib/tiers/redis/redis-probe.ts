/**
 * The question whether Redis is there. `TIME` is asked because the answer also anchors the hybrid clock; but a server that is
 * loading, has lost its primary or takes no writes answers that, so a command on a key of nobody's goes along with it.
 */
import type { Clock } from '../../base/clock.js';
import type { HybridClock } from '../../base/hybrid-clock.js';
import { isReplyError, refusalIn } from './redis-errors.js';

/** Sends one command of a probe. */
export type SendProbe = <T>(name: string, args: string[]) => Promise<T>;

/** Round trips in one comparison of clocks at most, and the one that needs no further ones. */
const MAX_CLOCK_ROUNDS = 4;
const PRECISE_ROUND_TRIP_MS = 0.5;

/** What a probe needs. */
export interface ProbeParts {
  readonly send: SendProbe;
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  /** A key that no service can own and that is never written. */
  readonly probeKey: string;
}

/** Resolves when Redis answered everything a service would ask of it; with `mustWrite` also a harmless write. */
export async function probeRedis(parts: ProbeParts, mustWrite: boolean): Promise<void> {
  await Promise.all([compareClocks(parts), tryCommand(parts, mustWrite)]);
}

/**
 * A slow round trip says little about the time, and the first ones of a process are slow: a few more are made then, because
 * what is older is decided by that comparison (G4).
 */
async function compareClocks({ send, clock, hybridClock }: ProbeParts): Promise<void> {
  for (let round = 1; ; round++) {
    const sentMs = clock.nowMs();
    const [seconds, micros] = await send<[string, string]>('time', []);
    const receivedMs = clock.nowMs();
    hybridClock.anchor(Number(seconds) * 1000 + Number(micros) / 1000, sentMs, receivedMs);
    if (receivedMs - sentMs <= PRECISE_ROUND_TRIP_MS || round === MAX_CLOCK_ROUNDS) return;
  }
}

async function tryCommand({ send, probeKey }: ProbeParts, mustWrite: boolean): Promise<void> {
  try {
    await (mustWrite ? send('unlink', [probeKey]) : send('getrange', [probeKey, '0', '0']));
  } catch (error) {
    // A user without this right may have all that the services need.
    if (isReplyError(error) && refusalIn(error.message)?.code === 'NOPERM') return;
    throw error;
  }
}
