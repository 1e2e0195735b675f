/**
 * How long a node of a cluster may take to say who has which slots. ioredis has a timer for that, which knows nothing of a process
 * that stands still and would take its own pause for the silence of a node (G16). Here a deadline of ours ends the question.
 */
import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { AWAITED, Deadline } from '../../base/deadline.js';
import { ConnectFailure } from './redis-errors.js';

/** ioredis's own timer, which then has nothing to end. */
const NEVER_MS = 3_600_000;

type Done = (error?: unknown) => void;

/** What ioredis does with one node; of the node it wants a further connection, and no more. */
interface SlotLookup {
  getInfoFromNode: (node: Pick<Redis, 'duplicate'> | undefined, done: Done) => void;
}

/** Makes a cluster wait up to `lookupMs` for each node that it asks. */
export function askPatiently(cluster: Cluster, clock: Clock, lookupMs: number): void {
  cluster.options.slotsRefreshTimeout = NEVER_MS;
  const lookup = cluster as unknown as SlotLookup;
  const ask = lookup.getInfoFromNode.bind(cluster);
  lookup.getInfoFromNode = (node, done) => {
    if (node === undefined) {
      ask(node, done);
      return;
    }
    let asked: Redis | undefined;
    let silence: ConnectFailure | undefined;
    const onTime = (): void => {
      silence = silentNode(lookupMs);
      asked?.disconnect();
    };
    const deadline = new Deadline(clock, lookupMs, onTime, AWAITED);
    const duplicate: Redis['duplicate'] = (options) => (asked = node.duplicate(options));
    ask({ duplicate }, (error) => {
      deadline.cancel();
      done(silence ?? error);
    });
  };
}

function silentNode(lookupMs: number): ConnectFailure {
  return new ConnectFailure({ code: 'UNREACHABLE', reason: `no answer within ${lookupMs} ms` });
}
