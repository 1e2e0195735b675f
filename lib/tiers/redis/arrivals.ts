/**
 * Whether a large reply, or a large request, is on its way over a socket: a command that waits for it, or behind it, is not late,
 * it is being served. Small replies do not count: a server that answers many of them and not this one in time is slow (G6).
 */
import type { Cluster, Redis } from 'ioredis';

/** What is asked of a socket. */
export interface SocketCounters {
  /** Bytes that have arrived. */
  readonly bytesRead: number;
  /** Bytes that the kernel has not taken yet. */
  readonly writableLength: number;
}

/** Bytes a reply has at least, on the average, for its arrival to count. */
const LARGE_REPLY_BYTES = 16 * 1024;

/** The socket of a client at this moment; `undefined` when it has none. */
export function socketOf(client: Redis | Cluster | undefined): SocketCounters | undefined {
  return (client as { stream?: SocketCounters } | undefined)?.stream;
}

/** How many replies have been complete, by socket: a large reply on one is no smaller for many small ones on another. */
const completeReplies = new WeakMap<SocketCounters, { count: number }>();

/** Notes that a reply which came over a socket is complete. */
export function noteReply(socket: SocketCounters | undefined): void {
  if (socket === undefined) return;
  const replies = completeReplies.get(socket);
  if (replies === undefined) completeReplies.set(socket, { count: 1 });
  else replies.count++;
}

/** Begins to watch a socket; the returned function tells whether large replies or requests have been moving since. */
export function watchSocket(socket: SocketCounters | undefined): () => boolean {
  if (socket === undefined) return () => false;
  const { bytesRead, writableLength } = socket;
  const before = countReplies(socket);
  return () => {
    const movedBytes = socket.bytesRead - bytesRead + Math.max(0, writableLength - socket.writableLength);
    return movedBytes >= LARGE_REPLY_BYTES * (countReplies(socket) - before + 1);
  };
}

function countReplies(socket: SocketCounters): number {
  return completeReplies.get(socket)?.count ?? 0;
}
