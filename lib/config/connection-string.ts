/**
 * Takes a Redis address apart: `redis://`, `rediss://` (TLS) or `unix:`. What is wrong with an unusable one is said in
 * words that never repeat the address, because it may hold a password (G11).
 */

/** Credentials and database an address may carry; each absent when it does not. */
interface Extras {
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
}

/** An address taken apart. */
export type Endpoint =
  | ({ readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly isTls: boolean } & Extras)
  | ({ readonly kind: 'unix'; readonly path: string } & Extras)
  | { readonly kind: 'unusable'; readonly problem: string };

const DEFAULT_PORT = 6379;

function unusable(problem: string): Endpoint {
  return { kind: 'unusable', problem };
}

function parseUnix(text: string): Endpoint {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (path.includes('@')) return unusable('a socket address holds no credentials; use the keys `username` and `password`');
  if (!path.startsWith('/') || path.startsWith('//') || path === '/')
    return unusable('the path of the socket must be absolute, as in `unix:/run/redis.sock`');
  if (/[?#]/.test(path)) return unusable('options after `?` or `#` are not read; use the keys of the `l2` table');
  return { kind: 'unix', path };
}

function parseTcp(url: URL): Endpoint {
  if (url.hostname === '') return unusable('the host is missing, as in `redis://HOST:6379`');
  if (url.port === '0') return unusable('port 0 cannot be connected to');
  if (url.search !== '' || url.hash !== '')
    return unusable('options after `?` or `#` are not read; use the keys of the `l2` table');
  const database = /^\/?(\d{0,9})$/.exec(url.pathname)?.[1];
  if (database === undefined) return unusable('what follows the port must be a database number, as in `redis://host:6379/2`');
  let username: string;
  let password: string;
  try {
    username = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
  } catch {
    return unusable('a `%` in the credentials is not followed by two hexadecimal digits; write a `%` of the password as `%25`');
  }
  if (username !== '' && password === '')
    return unusable('it has a user but no password; write `redis://user:password@host`, or leave the user out');
  return {
    kind: 'tcp',
    host: url.hostname,
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    isTls: url.protocol === 'rediss:',
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(database === '' ? {} : { db: Number(database) }),
  };
}

/** Takes `text` apart; never throws. */
export function parseConnectionString(text: string): Endpoint {
  if (/\s/.test(text)) return unusable('it holds white space or a line break; look for a stray one at its end');
  if (text.startsWith('unix:')) return parseUnix(text);
  if (!/^rediss?:\/\//.test(text)) return unusable('it must start with `redis://`, `rediss://` or `unix:`');
  try {
    return parseTcp(new URL(text));
  } catch {
    return unusable(
      'it is not a valid URL; special characters of a password must be percent-encoded (`@` is `%40`, `/` is `%2F`)',
    );
  }
}
