/**
 * What our own ioredis clusters need beyond their options.
 *
 * 1. No connection for subscriptions: ioredis makes one whether or not anybody subscribes, logs in there by itself, and writes
 * refusals to the console. 2. Why no node could be asked for the slots: ioredis says only that connections were closed. 3. An ear
 * for the failure of `ASKING`: ioredis sends that on its own and leaves its failure to nobody, which would end the process.
 */
import type { Cluster, Redis } from 'ioredis';
import type { ConnectFailure } from './redis-errors.js';

/** Prepares a cluster that has not begun to connect; `lastFailure` is why a connection to one of its nodes last failed. */
export function prepareCluster(cluster: Cluster, lastFailure: () => ConnectFailure | undefined): Cluster {
  const { subscriber } = cluster as unknown as { readonly subscriber: { start: () => void } };
  subscriber.start = () => undefined;
  cluster.on('+node', (node: Redis) => {
    const asking = node.asking.bind(node);
    node.asking = () => {
      const sent = asking();
      sent.catch(() => undefined);
      return sent;
    };
  });
  // The first listener, so that all others find the cause.
  cluster.on('error', (error: { lastNodeError?: Error }) => {
    if (error.lastNodeError?.message === 'Connection is closed.') error.lastNodeError = lastFailure() ?? error.lastNodeError;
  });
  return cluster;
}
