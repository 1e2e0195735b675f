/**
 * Whether a server is the primary. A primary that was demoted goes on answering reads from data that grow old, and whoever only
 * reads would never notice. `HELLO` is asked because every user may: no right in Redis concerns it.
 */
import { ConnectFailure, isDenial, isReplyError, refusalIn } from './redis-errors.js';

/** Sends a command; rejects as ioredis does. */
export type Ask = (name: string, args: string[]) => Promise<unknown>;

/** Resolves to whether the server says that it is the primary; false: it does not say. @throws {ConnectFailure} READONLY when it is a replica */
export async function provePrimary(ask: Ask): Promise<boolean> {
  let reply: unknown;
  try {
    reply = await ask('hello', []);
  } catch (error) {
    // A proxy, or a server whose administrator has renamed the command.
    if (isReplyError(error) && isNoCommand(error.message)) return false;
    throw error;
  }
  const role = roleIn(reply);
  if (role === 'replica' || role === 'slave') {
    const reason = 'READONLY it says that it is a replica, whose data may be old';
    throw new ConnectFailure({ code: 'READONLY', reason });
  }
  return role !== undefined;
}

function isNoCommand(refusal: string): boolean {
  const code = refusalIn(refusal)?.code;
  return code === undefined || isDenial(code);
}

/** The reply is a list of names and values, or a map of them, by the protocol and the options of the client. */
function roleIn(reply: unknown): string | undefined {
  const role = valueIn(reply, 'role');
  return typeof role === 'string' ? role : undefined;
}

function valueIn(reply: unknown, name: string): unknown {
  if (reply instanceof Map) return reply.get(name);
  if (!Array.isArray(reply)) return typeof reply === 'object' && reply !== null ? Reflect.get(reply, name) : undefined;
  for (let i = 0; i < reply.length; i += 2) if (reply[i] === name) return reply[i + 1];
  return undefined;
}
