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

/**
 * Begins to watch a socket; the returned function tells whether large replies or requests have been moving since.
 *
 * @param countReplies how many replies have been complete so far
 */
export function watchSocket(socket: SocketCounters | undefined, countReplies: () => number): () => boolean {
  if (socket === undefined) return () => false;
  const { bytesRead, writableLength } = socket;
  const replies = countReplies();
  return () => {
    const movedBytes = socket.bytesRead - bytesRead + Math.max(0, writableLength - socket.writableLength);
    return movedBytes >= LARGE_REPLY_BYTES * (countReplies() - replies + 1);
  };
}
