/**
 * The sign of life of a process: a listening Unix socket in its folder (on Windows a named pipe). It vanishes with the
 * process, however that ends, a stopped process keeps it, and it can be seen from every container that shares the folder.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

/** The socket's name in the folder. */
export const SOCKET_NAME = 'alive.sock';

/** The longest path a socket can have, in bytes; the system's structure ends with a zero. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** What connecting is answered with when nobody listens. */
const NOBODY = ['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK', 'EPROTOTYPE'];

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
  #closing: Promise<void> | undefined;

  private constructor(server: Server, address: Address) {
    this.#server = server;
    this.#address = address;
  }

  /** Starts listening in `folder`; `undefined` where that cannot be done: the path is too long, or the file system has no sockets. */
  static async listen(folder: string): Promise<AliveSocket | undefined> {
    const address = addressIn(folder);
    if (address === undefined) return undefined;
    const server = createServer((socket) => socket.destroy());
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
    return new AliveSocket(server, address);
  }

  /** Stops listening and removes the socket. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= new Promise((resolve) => {
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
