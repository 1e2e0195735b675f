/**
 * The question whether Redis is there and is the one to talk to. `TIME` is asked because the answer also anchors the hybrid clock;
 * but a server that is loading, has lost its primary or takes no writes answers that, so a command on a key of nobody's goes along
 * with it, and the question for its role. In a cluster every master has to answer, and the time is that of the first one, the same
 * for all processes, unless another one's is ahead of it; a replica there answers with MOVED, so nobody asks for its role.
 */
import type { Clock } from '../../base/clock.js';
import { CacheError } from '../../base/errors.js';
import type { HybridClock } from '../../base/hybrid-clock.js';
import { ConnectFailure, failureOf, isDenial, isReplyError, replyCode, unavailable } from './redis-errors.js';
import type { MasterNode } from './redis-transport.js';
import { provePrimary } from './server-role.js';

/** Sends one command of a probe to one master. */
export type SendProbe = <T>(node: MasterNode, name: string, args: string[]) => Promise<T>;

/** Round trips in one comparison of clocks at most, and the one that needs no further ones. */
const MAX_CLOCK_ROUNDS = 4;
const PRECISE_ROUND_TRIP_MS = 0.5;

/** How far the clocks of masters are apart at least when they are not those of a cluster that is well. */
const CLOCKS_APART_MS = 1000;

/** What a probe needs. */
export interface ProbeParts {
  readonly send: SendProbe;
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
}

/** What a probe asks besides the time. */
export interface ProbeScope {
  /** Also asks for a harmless write. */
  readonly mustWrite: boolean;
  readonly isCluster: boolean;
}

/** Resolves when every master answered all that a service would ask of it. */
export async function probeRedis(parts: ProbeParts, masters: readonly MasterNode[], scope: ProbeScope): Promise<void> {
  if (masters.length === 0) throw unavailable(new Error('no master is known'));
  // Nothing else is asked before that is known.
  for (const node of masters) if (node.proveDatabase !== undefined) await node.proveDatabase(askOf(parts, node));
  const isWell = Promise.all([compareClocks(parts, masters), ...masters.map((node) => tryNode(parts, node, scope))]);
  if (!scope.mustWrite) {
    await isWell;
    return;
  }
  const writes = Promise.allSettled(masters.map((node) => tryWrite(parts, node)));
  await isWell;
  for (const end of await writes) if (end.status === 'rejected') throw refusedWrite(end.reason);
}

function askOf({ send }: ProbeParts, node: MasterNode): (name: string, args: string[]) => Promise<unknown> {
  return (name, args) => send(node, name, args);
}

async function tryNode(parts: ProbeParts, node: MasterNode, { mustWrite, isCluster }: ProbeScope): Promise<void> {
  const reads = tryCommand(parts, node, ['getrange', node.probeKey, '0', '0']);
  if (isCluster) return reads;
  const [isPrimary] = await Promise.all([provePrimary(askOf(parts, node)), reads]);
  // A server that does not tell its role shows it by taking a write.
  if (!isPrimary && !mustWrite) await tryWrite(parts, node);
}

function tryWrite(parts: ProbeParts, node: MasterNode): Promise<void> {
  return tryCommand(parts, node, ['unlink', node.probeKey]);
}

/** A server that answers everything but a write, or refuses just that, is there for reads. */
function refusedWrite(error: unknown): unknown {
  if (CacheError.is(error, 'CACHE_L2_TIMEOUT')) {
    return new ConnectFailure({ code: 'PAUSED', reason: 'a write was not answered in time, though reads are' });
  }
  return error;
}

/**
 * A slow round trip says little about the time, and the first ones of a process are slow: a few more are made then, because
 * what is older is decided by that comparison (G4). Only the best of them counts, when all are made: a write that was stamped
 * in between by a worse one could lose to what was there before. @throws what `send` does
 */
export async function compareClocks(parts: ProbeParts, masters: readonly MasterNode[]): Promise<void> {
  const node = masters.length > 1 ? await nodeOfTime(parts, masters) : masters[0];
  if (node === undefined) return;
  const { clock, hybridClock } = parts;
  let best: TimeSample | undefined;
  for (let round = 1; round <= MAX_CLOCK_ROUNDS; round++) {
    const { jumpedMs } = clock;
    const sample = await askTime(parts, node);
    // The machine slept meanwhile: what was measured before is about another time.
    if (clock.jumpedMs !== jumpedMs) best = undefined;
    if (best === undefined || tripOf(sample) < tripOf(best)) best = sample;
    if (tripOf(best) <= PRECISE_ROUND_TRIP_MS) break;
  }
  if (best !== undefined) hybridClock.anchor(best.serverMs, best.sentMs, best.receivedMs);
}

function tripOf({ sentMs, receivedMs }: TimeSample): number {
  return receivedMs - sentMs;
}

/**
 * The master whose time counts: the first one, or that whose clock is ahead of all. A master whose clock was set back then changes
 * nothing for the others, and no life is lengthened.
 */
async function nodeOfTime(parts: ProbeParts, masters: readonly MasterNode[]): Promise<MasterNode | undefined> {
  const aheadMs = await Promise.all(
    masters.map(async (node) => {
      const { serverMs, sentMs, receivedMs } = await askTime(parts, node);
      return serverMs - (sentMs + receivedMs) / 2;
    }),
  );
  const mostMs = Math.max(...aheadMs);
  return mostMs - (aheadMs[0] ?? mostMs) > CLOCKS_APART_MS ? masters[aheadMs.indexOf(mostMs)] : masters[0];
}

async function askTime({ send, clock }: ProbeParts, node: MasterNode): Promise<TimeSample> {
  const sentMs = clock.nowMs();
  const [seconds, micros] = await send<[string, string]>(node, 'time', []);
  return { serverMs: Number(seconds) * 1000 + Number(micros) / 1000, sentMs, receivedMs: clock.nowMs() };
}

/** One question for the time, in milliseconds: what the server said, and when that was asked and answered here. */
interface TimeSample {
  readonly serverMs: number;
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** Refusals of a master that is well: the slot is somebody else's by now, or on its way there. */
const ELSEWHERE: ReadonlySet<string> = new Set(['MOVED', 'ASK', 'TRYAGAIN']);

async function tryCommand({ send }: ProbeParts, node: MasterNode, [name = '', ...args]: string[]): Promise<void> {
  try {
    await send(node, name, args);
  } catch (error) {
    if (ELSEWHERE.has(replyCode(error))) return;
    // A user without this right may have all that the services need.
    if (isReplyError(error) && isDenial(failureOf(error).code)) return;
    throw error;
  }
}
