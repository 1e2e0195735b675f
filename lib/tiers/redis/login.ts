/**
 * The login of our own connections: user, database, name. It happens before ioredis gets the socket, because ioredis goes on
 * after a refused `SELECT`, and then everything lands in database 0 (G1). Here a step that is refused ends the connection.
 *
 * 1. No byte of a service is sent before every step was answered. 2. A failure says which step failed and why; no text repeats
 * the password (G11). 3. A connection without a name works as well as one with it, so only that step may be refused.
 */
import type { Socket } from 'node:net';
import { closedAtLogin } from './connect-failures.js';
import { connected, converse, type LoginPatience } from './login-socket.js';
import { ConnectFailure, refusalIn, type Failure } from './redis-errors.js';
import { describeReply } from './server-text.js';

/** Who logs in, and where to. */
export interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** The name of the connection in `CLIENT LIST`; absent: it gets none. */
  readonly name: string | undefined;
}

/** One command of the login, and what its refusal means: `undefined` when the connection can be used all the same. */
interface Step {
  readonly command: readonly string[];
  readonly failureOf: (refusal: string) => Failure | undefined;
}

/** How servers say that a password was given and none is needed. */
const NO_PASSWORD_NEEDED = /no password is set|without any password configured for the default user/;
/** How a server refuses a command that it does not have, or that the user may not give. */
const NOT_FOR_US = /^NOPERM |unknown (sub)?command|unknown client subcommand/i;
const MAX_CLIENTS = /max number of clients/;

/**
 * Waits for the connection, then says all that has to be said on it. The socket is paused afterwards, for its client to go on.
 *
 * @returns whether a password was given to a server that has none
 * @throws {ConnectFailure} why the connection can't be used; it is destroyed then
 */
export async function logIn(socket: Socket, login: Login, patience: LoginPatience): Promise<boolean> {
  // It stays: an error between the login and the client's own listener must not end the process.
  socket.on('error', () => undefined);
  try {
    await connected(socket, patience);
    let isPasswordUnused = false;
    const steps = stepsOf(login, () => {
      isPasswordUnused = true;
    });
    const replies = await converse(
      socket,
      steps.map(({ command }) => command),
      patience,
    );
    for (const [i, step] of steps.entries()) {
      const reply = replies[i];
      if (reply === undefined) throw closedAtLogin(false);
      const failure = reply.isError ? step.failureOf(reply.text) : undefined;
      if (failure !== undefined) throw new ConnectFailure(failure);
    }
    return isPasswordUnused;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function stepsOf({ username, password, db, name }: Login, noteUnused: () => void): Step[] {
  const steps: Step[] = [];
  if (password !== undefined) {
    const command = username === undefined ? ['AUTH', password] : ['AUTH', username, password];
    const judge = (refusal: string): Failure | undefined => {
      if (!NO_PASSWORD_NEEDED.test(refusal))
        return refusedBy(refusal, command) ?? { code: 'WRONGPASS', reason: describeReply(refusal, command) };
      noteUnused();
      return undefined;
    };
    steps.push({ command, failureOf: judge });
  }
  if (db !== 0) steps.push({ command: ['SELECT', String(db)], failureOf: (refusal) => refusedDatabase(db, refusal) });
  const judgeName = (refusal: string): Failure | undefined => (NOT_FOR_US.test(refusal) ? undefined : otherRefusal(refusal));
  if (name !== undefined) steps.push({ command: ['CLIENT', 'SETNAME', name], failureOf: judgeName });
  // A server that has said nothing may be none. Every user may ask this.
  if (steps.length === 0) steps.push({ command: ['HELLO'], failureOf: judgeName });
  return steps;
}

/** Why a database can't be used, from the refusal of its `SELECT`. */
export function refusedDatabase(db: number, refusal: string): Failure {
  const failure = refusedBy(refusal);
  if (failure !== undefined && failure.code !== 'NOPERM') return failure;
  return { code: 'DATABASE', reason: `database ${db} was refused: ${describeReply(refusal)}` };
}

/** A refusal that concerns the server or the login as a whole, whatever was asked. */
function refusedBy(refusal: string, sent: readonly string[] = []): Failure | undefined {
  const reason = describeReply(refusal, sent);
  return MAX_CLIENTS.test(reason) ? { code: 'MAXCLIENTS', reason } : refusalIn(refusal, sent);
}

function otherRefusal(refusal: string): Failure {
  return refusedBy(refusal) ?? { code: 'OTHER', reason: describeReply(refusal) };
}
