/**
 * The sign of life of a process: a listening Unix socket in its folder (on Windows a named pipe). It vanishes with the
 * process, however that ends, a stopped process keeps it, and it can be seen from every container that shares the folder.
 *
 * A connection to it that is kept open ends with either process, so each of the two sees the end of the other at once. Whoever
 * only asks connects and goes away; whoever stays says so with one byte, and is counted on by the other side.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** The socket's name in the folder. */
export const SOCKET_NAME = 'alive.sock';

/** The longest path a socket can have, in bytes; the system's structure ends with a zero. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** What connecting is answered with when nobody listens. */
const NOBODY = ['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK', 'EPROTOTYPE'];

/** Says that the one who connects stays. */
const STAYS = 'w';
/** Connections that are kept open on the listening side, at most. */
const MAX_WATCHERS = 64;

/** Where a socket is. */
interface Address {
  readonly path: string;
  /** The open folder that `path` leads through; to be closed when the address is not used any more. */
  readonly fd?: number;
}

/**
 * The address of the socket in `folder`; `undefined` when its path is too long. Linux can name it through the open folder.
 */
function addressIn(folder: string): Address | undefined {
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\oxcache-${folder.slice(folder.lastIndexOf('\\') + 1)}` };
  const path = join(folder, SOCKET_NAME);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path };
  if (process.platform !== 'linux') return undefined;
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return { path: `/proc/self/fd/${fd}/${SOCKET_NAME}`, fd };
}

function release(address: Address | undefined): void {
  if (address?.fd !== undefined) closeSync(address.fd);
}

/** A listening socket. It keeps no process alive. */
export class AliveSocket {
  readonly #server: Server;
  readonly #address: Address;
  readonly #watchers: Set<Socket>;
  #closing: Promise<void> | undefined;

  private constructor(server: Server, address: Address, watchers: Set<Socket>) {
    this.#server = server;
    this.#address = address;
    this.#watchers = watchers;
  }

  /**
   * Starts listening in `folder`; `undefined` where that cannot be done: the path is too long, or the file system has no sockets.
   *
   * @param onWatcherGone a connection that was to stay has ended
   */
  static async listen(folder: string, onWatcherGone: () => void = () => undefined): Promise<AliveSocket | undefined> {
    const address = addressIn(folder);
    if (address === undefined) return undefined;
    const watchers = new Set<Socket>();
    const server = createServer((socket) => {
      if (watchers.size >= MAX_WATCHERS) {
        socket.destroy();
        return;
      }
      watchers.add(socket);
      let stays = false;
      socket.unref();
      socket.on('error', () => undefined);
      socket.on('data', () => {
        stays = true;
      });
      socket.once('close', () => {
        if (watchers.delete(socket) && stays) onWatcherGone();
      });
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // Exclusive: a worker of a cluster would leave the listening to the first process, and outlive its own death.
        server.listen({ path: address.path, exclusive: true }, resolve);
      });
    } catch {
      release(address);
      return undefined;
    }
    server.removeAllListeners('error');
    // A connection that could not be accepted is no matter: who connects only wants to see that it can.
    server.on('error', () => undefined);
    server.unref();
    return new AliveSocket(server, address, watchers);
  }

  /** Stops listening and removes the socket. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= new Promise((resolve) => {
      const watchers = [...this.#watchers];
      this.#watchers.clear();
      for (const socket of watchers) socket.destroy();
      this.#server.close(() => {
        // Not before: the socket is removed by its path, and another file may get the folder's number.
        release(this.#address);
        resolve();
      });
    }));
  }
}

/**
 * Whether somebody listens in `folder`.
 *
 * @throws the system's error where it does not say
 */
export async function isAnswered(folder: string): Promise<boolean> {
  if (process.platform !== 'win32') {
    const facts = await lstat(join(folder, SOCKET_NAME)).catch((error: unknown) => {
      if (NOBODY.includes(codeOf(error))) return undefined;
      throw error;
    });
    // A link could lead to anybody's socket.
    if (facts?.isSocket() !== true) return false;
  }
  const address = addressIn(folder);
  // It is there, so somebody has listened, on a shorter way to the same folder.
  if (address === undefined) throw Object.assign(new Error(`ENAMETOOLONG: ${folder}`), { code: 'ENAMETOOLONG' });
  try {
    return await answers(address.path);
  } finally {
    release(address);
  }
}

/**
 * Connects to the socket in `folder` and stays; returns what ends that.
 *
 * @param onGone the owner is gone, closes, or takes no more who stay; not called after the end
 */
export function watchSocket(folder: string, onGone: () => void): () => void {
  let address: Address | undefined;
  try {
    address = addressIn(folder);
  } catch {
    // The folder went away.
  }
  if (address === undefined) {
    queueMicrotask(onGone);
    return () => undefined;
  }
  const socket = connect(address.path);
  socket.unref();
  socket.write(STAYS);
  socket.on('error', () => undefined);
  socket.resume();
  let tell: (() => void) | undefined = onGone;
  socket.once('close', () => {
    release(address);
    tell?.();
  });
  return () => {
    tell = undefined;
    socket.destroy();
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = codeOf(error);
      // A process that is stopped, and was asked often, has no place left for one more who asks.
      if (code === 'EAGAIN') resolve(true);
      else if (NOBODY.includes(code)) resolve(false);
      else reject(error);
    });
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
