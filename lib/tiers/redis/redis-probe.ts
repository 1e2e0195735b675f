/**
 * The question whether Redis is there. `TIME` is asked because the answer also anchors the hybrid clock; but a server that is
 * loading, has lost its primary or takes no writes answers that, so a command on a key of nobody's goes along with it. In a
 * cluster every master has to answer, and the time is that of the first one, the same for all processes.
 */
import type { Clock } from '../../base/clock.js';
import type { HybridClock } from '../../base/hybrid-clock.js';
import { failureOf, isDenial, isReplyError, replyCode, unavailable } from './redis-errors.js';
import type { MasterNode } from './redis-transport.js';

/** Sends one command of a probe to one master. */
export type SendProbe = <T>(node: MasterNode, name: string, args: string[]) => Promise<T>;

/** Round trips in one comparison of clocks at most, and the one that needs no further ones. */
const MAX_CLOCK_ROUNDS = 4;
const PRECISE_ROUND_TRIP_MS = 0.5;

/** What a probe needs. */
export interface ProbeParts {
  readonly send: SendProbe;
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
}

/** Resolves when every master answered all a service would ask of it; with `mustWrite` also a harmless write. */
export async function probeRedis(parts: ProbeParts, masters: readonly MasterNode[], mustWrite: boolean): Promise<void> {
  const [first] = masters;
  if (first === undefined) throw unavailable(new Error('no master is known'));
  await Promise.all([compareClocks(parts, first), ...masters.map((node) => tryCommand(parts, node, mustWrite))]);
}

/**
 * A slow round trip says little about the time, and the first ones of a process are slow: a few more are made then, because
 * what is older is decided by that comparison (G4).
 */
async function compareClocks({ send, clock, hybridClock }: ProbeParts, node: MasterNode): Promise<void> {
  for (let round = 1; ; round++) {
    const sentMs = clock.nowMs();
    const [seconds, micros] = await send<[string, string]>(node, 'time', []);
    const receivedMs = clock.nowMs();
    hybridClock.anchor(Number(seconds) * 1000 + Number(micros) / 1000, sentMs, receivedMs);
    if (receivedMs - sentMs <= PRECISE_ROUND_TRIP_MS || round === MAX_CLOCK_ROUNDS) return;
  }
}

/** Refusals of a master that is well: the slot is somebody else's by now, or on its way there. */
const ELSEWHERE: ReadonlySet<string> = new Set(['MOVED', 'ASK', 'TRYAGAIN']);

async function tryCommand({ send }: ProbeParts, node: MasterNode, mustWrite: boolean): Promise<void> {
  const { probeKey } = node;
  try {
    await (mustWrite ? send(node, 'unlink', [probeKey]) : send(node, 'getrange', [probeKey, '0', '0']));
  } catch (error) {
    if (ELSEWHERE.has(replyCode(error))) return;
    // A user without this right may have all that the services need.
    if (isReplyError(error) && isDenial(failureOf(error).code)) return;
    throw error;
  }
}
