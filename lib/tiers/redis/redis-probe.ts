/**
 * The question whether Redis is there and is the one to talk to. `TIME` is asked because the answer also anchors the hybrid clock;
 * but a server that is loading, has lost its primary or takes no writes answers that, so a command on a key of nobody's goes along
 * with it, and the question for its role. In a cluster every master has to answer, and the time is that of the first one, the same
 * for all processes; a replica there answers with MOVED, so nobody asks for its role.
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
  const [first] = masters;
  if (first === undefined) throw unavailable(new Error('no master is known'));
  // Nothing else is asked before that is known.
  for (const node of masters) if (node.proveDatabase !== undefined) await node.proveDatabase(askOf(parts, node));
  const isWell = Promise.all([compareClocks(parts, first), ...masters.map((node) => tryNode(parts, node, scope))]);
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
 * what is older is decided by that comparison (G4). @throws what `send` does
 */
export async function compareClocks({ send, clock, hybridClock }: ProbeParts, node: MasterNode): Promise<void> {
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
