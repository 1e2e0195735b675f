/**
 * Leases: one holder at a time, for a limited time, known by a token. The value in Redis is the token and, behind it, the name
 * its holder gave itself before it asked: whoever lost the answer finds its own lease again, or gives it back, by that name.
 */
import { NODE_ID_LENGTH } from '../../base/hybrid-clock.js';
import { randomId, type Random } from '../../base/random.js';
import type { RedisConnection } from './redis-connection.js';
import { Script } from './script.js';

/** Digits of the server's time in microseconds, until the year 2286. */
const TIME_LENGTH = 16;

/** Characters in a token. */
const TOKEN_LENGTH = TIME_LENGTH + NODE_ID_LENGTH;

/** Characters of an owner's name. */
const OWNER_LENGTH = 16;

/** A name for whoever asks for a lease, unlike that of everybody else who ever asks. */
export function newLeaseOwner(random: Random): string {
  return randomId(random, OWNER_LENGTH);
}

/** A lease that is asked for. */
export interface LeaseClaim {
  readonly redisKey: string;
  /** Who asks: see {@link newLeaseOwner}. */
  readonly owner: string;
}

/** A lease that was had. */
export interface HeldLease {
  readonly redisKey: string;
  readonly token: string;
}

/**
 * KEYS[1]: the lease. ARGV: the owner, the lease's time in milliseconds, the identifier of the process. Returns the token, or
 * nil when another owner has it.
 */
const ACQUIRE = `
local held = redis.call('GET', KEYS[1])
if held then
  if string.sub(held, ${TOKEN_LENGTH + 1}) ~= ARGV[1] then return false end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return string.sub(held, 1, ${TOKEN_LENGTH})
end
local time = redis.call('TIME')
local token = string.format('%010d%06d', time[1], time[2]) .. ARGV[3]
redis.call('SET', KEYS[1], token .. ARGV[1], 'PX', ARGV[2])
return token
`;

/** KEYS[1]: the lease. ARGV: the token, the time it is to last from now on in milliseconds. Returns whether it was held. */
const EXTEND = `
local held = redis.call('GET', KEYS[1])
if not held or string.sub(held, 1, ${TOKEN_LENGTH}) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

/** KEYS[1]: the lease. ARGV[1]: the owner, or the token. Returns whether it was held. */
const RELEASE = `
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
if string.sub(held, ${TOKEN_LENGTH + 1}) ~= ARGV[1] and string.sub(held, 1, ${TOKEN_LENGTH}) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;

const acquireScript = new Script(ACQUIRE);
const extendScript = new Script(EXTEND);
const releaseScript = new Script(RELEASE);

/**
 * Takes a lease, or finds that this owner has it and makes its time begin again; resolves to the token, or to `undefined` when
 * somebody else has it.
 *
 * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then the owner may have it)
 */
export async function acquireLease(
  connection: RedisConnection,
  { redisKey, owner }: LeaseClaim,
  ttlMs: number,
  timeoutMs: number,
): Promise<string | undefined> {
  const args = [owner, String(ttlMs), connection.nodeId];
  return (await acquireScript.run<string | null>(connection, [redisKey], args, timeoutMs)) ?? undefined;
}

/** Makes the time of a lease begin again; resolves to whether the token still has it. */
export async function extendLease(
  connection: RedisConnection,
  { redisKey, token }: HeldLease,
  ttlMs: number,
  timeoutMs: number,
): Promise<boolean> {
  return (await extendScript.run<number>(connection, [redisKey], [token, String(ttlMs)], timeoutMs)) === 1;
}

/** Gives a lease back, by its token or by its owner, even to a Redis that takes no writes now; resolves to whether that had it. */
export async function releaseLease(
  connection: RedisConnection,
  redisKey: string,
  holder: string,
  timeoutMs: number,
): Promise<boolean> {
  const late: Pick<RedisConnection, 'send'> = { send: (name, args, ms) => connection.sendLate(name, args, ms) };
  return (await releaseScript.run<number>(late, [redisKey], [holder], timeoutMs)) === 1;
}
