/**
 * What a login does with a socket: waits until it is connected, sends, reads the replies. Every part has its time, and every way
 * it may end has words that tell which part it was and what may be the cause.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { AWAITED, Deadline } from '../../base/deadline.js';
import { closedAtLogin, foreignBytes, failedToConnect, silentAtConnect, silentAtLogin } from './connect-failures.js';
import { readReplies, type LoginReply } from './login-replies.js';
import type { ConnectFailure } from './redis-errors.js';
import { isError } from './redis-errors.js';

/** How long each part may take, by which clock. */
export interface LoginPatience {
  readonly clock: Clock;
  /** Until there is a connection, secured if it is to be. */
  readonly connectMs: number;
  /** From then on, until every command is answered. */
  readonly answerMs: number;
}

function isSecure(socket: Socket): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true;
}

/** Resolves when bytes can be sent. @throws {ConnectFailure} */
export async function connected(socket: Socket, { clock, connectMs }: LoginPatience): Promise<void> {
  const isSecured = isSecure(socket);
  // `secureConnecting` is true from the start of a secure socket until `secureConnect`.
  const isSecuring = isSecured && (socket as { secureConnecting?: boolean }).secureConnecting === true;
  if (socket.destroyed) throw failedToConnect(false, undefined);
  let isReached = !socket.connecting;
  if (isReached && !isSecuring) return;
  const endings = {
    onTimeout: () => silentAtConnect(isSecured && isReached, connectMs),
    onFailure: (error: Error | undefined) => failedToConnect(isSecured && isReached, error),
  };
  await settle(socket, { clock, ms: connectMs }, endings, (end) => {
    const onReached = (): void => {
      isReached = true;
    };
    const onConnected = (): void => {
      end(undefined);
    };
    socket.once('connect', onReached);
    socket.once(isSecured ? 'secureConnect' : 'connect', onConnected);
    return () => {
      socket.off('connect', onReached);
      socket.off('connect', onConnected);
      socket.off('secureConnect', onConnected);
    };
  });
}

/**
 * Sends all commands at once and pauses the socket after the last reply. Resolves to fewer replies when the server hung up after
 * it had refused something.
 *
 * @throws {ConnectFailure}
 */
export async function converse(
  socket: Socket,
  commands: readonly (readonly string[])[],
  { clock, answerMs }: LoginPatience,
): Promise<readonly LoginReply[]> {
  let bytes: Buffer = Buffer.alloc(0);
  let replies: readonly LoginReply[] = [];
  // A socket in the file system has no address, and no TLS.
  const isPlain = !isSecure(socket) && socket.remoteAddress !== undefined;
  const endings = {
    onTimeout: () => silentAtLogin(answerMs),
    // A server that has no room says so before it hangs up: that is the reason, not the end of the connection.
    onFailure: (error: Error | undefined) =>
      replies.some(({ isError: isRefusal }) => isRefusal) ? undefined : closedAtLogin(isPlain && replies.length === 0, error),
  };
  await settle(socket, { clock, ms: answerMs }, endings, (end) => {
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const read = readReplies(bytes, commands.length);
      replies = read.replies;
      if (read.foreignByte !== undefined) {
        end(foreignBytes(read.foreignByte));
      } else if (replies.length === commands.length) {
        socket.pause();
        if (read.rest.length > 0) socket.unshift(read.rest);
        end(undefined);
      }
    };
    socket.on('data', onData);
    socket.write(commands.map(encode).join(''));
    return () => socket.off('data', onData);
  });
  return replies;
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** Why a part of the login did not go well. `undefined` ends the part without an error. */
interface Endings {
  readonly onTimeout: () => ConnectFailure;
  readonly onFailure: (error: Error | undefined) => ConnectFailure | undefined;
}

type End = (failure: ConnectFailure | undefined) => void;

/** One part of the login: `begin` starts it, ends it later, and returns what removes its listeners; the socket and the time may end it too. */
function settle(
  socket: Socket,
  { clock, ms }: { clock: Clock; ms: number },
  endings: Endings,
  begin: (end: End) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let error: Error | undefined;
    const onError = (cause: unknown): void => {
      error = isError(cause) ? cause : undefined;
    };
    const onClose = (): void => {
      end(endings.onFailure(error));
    };
    const onTime = (): void => {
      end(endings.onTimeout());
    };
    const end: End = (failure) => {
      deadline.cancel();
      socket.off('error', onError);
      socket.off('close', onClose);
      forget();
      if (failure === undefined) resolve();
      else reject(failure);
    };
    socket.on('error', onError);
    socket.on('close', onClose);
    const deadline = new Deadline(clock, ms, onTime, AWAITED);
    const forget = begin(end);
  });
}
