/**
 * Why a connection could not be made, in words that name the part that failed. A port that speaks TLS where plain text is sent,
 * or the reverse, shows in many ways, mostly by silence or by a connection that ends: each of them gets a hint.
 */
import { ConnectFailure, describeFailure, failureOf } from './redis-errors.js';

/** The first byte of an alert and of a handshake message of TLS. */
const TLS_BYTES: ReadonlySet<number> = new Set([0x15, 0x16]);

const WRITE_SECURE = 'write `rediss://`, or add the table `l2.tls`';
const WRITE_PLAIN = 'write `redis://` and leave out `l2.tls`';

/** No connection, or no secured one, in time; `isHandshake`: there was one, and no answer to the TLS handshake. */
export function silentAtConnect(isHandshake: boolean, ms: number): ConnectFailure {
  const reason = isHandshake
    ? `connected, but the TLS handshake was not answered within ${ms} ms; if the port does not speak TLS, ${WRITE_PLAIN}`
    : `no connection within ${ms} ms`;
  return new ConnectFailure({ code: 'UNREACHABLE', reason });
}

/** No answer to the login in time. */
export function silentAtLogin(ms: number): ConnectFailure {
  return new ConnectFailure({ code: 'UNREACHABLE', reason: `connected, but no answer within ${ms} ms` });
}

/** The end of a connection before it could be used; `isHandshake`: it was being secured. `error` is absent if it just ended. */
export function failedToConnect(isHandshake: boolean, error: Error | undefined): ConnectFailure {
  if (!isHandshake) return new ConnectFailure(failureOf(error ?? new Error('the connection was lost at once')));
  const said = error === undefined ? 'the connection ended' : describeFailure(error);
  // OpenSSL took plain text for a record of its own.
  if (/wrong version number|packet length too long|record too (small|large)/i.test(said))
    return new ConnectFailure({ code: 'TLS', reason: `the port does not speak TLS: ${WRITE_PLAIN}` });
  const code = (error as { code?: unknown } | undefined)?.code;
  if (error !== undefined && code !== 'ECONNRESET' && code !== 'EPIPE') {
    const failure = failureOf(error);
    return new ConnectFailure(code === 'EPROTO' ? { ...failure, code: 'TLS' } : failure);
  }
  const reason = `the connection ended during the TLS handshake (${said}); if the port does not speak TLS, ${WRITE_PLAIN}`;
  return new ConnectFailure({ code: 'UNREACHABLE', reason });
}

/** The server hung up before it had answered the login; `mayExpectTls`: it said nothing at all, and was sent plain text. */
export function closedAtLogin(mayExpectTls: boolean, error?: Error): ConnectFailure {
  const said = error === undefined ? '' : ` (${describeFailure(error)})`;
  const hint = mayExpectTls ? `; if the port expects TLS, ${WRITE_SECURE}` : '';
  return new ConnectFailure({ code: 'UNREACHABLE', reason: `the server closed the connection at login${said}${hint}` });
}

/** Something else than Redis answers on this port. */
export function foreignBytes(first: number): ConnectFailure {
  if (TLS_BYTES.has(first)) return new ConnectFailure({ code: 'TLS', reason: `the port speaks TLS: ${WRITE_SECURE}` });
  return new ConnectFailure({ code: 'OTHER', reason: 'the port does not speak the Redis protocol' });
}
