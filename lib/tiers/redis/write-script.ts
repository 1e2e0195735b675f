/**
 * The one way entries get into Redis: a script that applies a whole batch, each write only if Redis does not hold a newer
 * one. Applying a batch twice, or late, or half, therefore does no harm, which is what makes retries and replay safe.
 */
import { createHash } from 'node:crypto';
import { CacheError } from '../../base/errors.js';
import { VERSION_LENGTH } from '../../base/hybrid-clock.js';
import { EXPIRES_AT, FORMAT_TAG, KIND_AT, VERSION_AT } from '../../codec/envelope.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure, replyCode, unavailable } from './redis-errors.js';

/** One sealed entry and where it goes. */
export interface ScriptWrite {
  readonly redisKey: string;
  /** A sealed envelope; its version decides, its expiry is handed to Redis. */
  readonly sealed: string | Buffer;
}

/**
 * What became of one write: `created` (nothing live was there), `replaced` (a live value was), `older` (Redis holds a newer
 * write; nothing changed), or the refusal of this one key.
 */
export type WriteOutcome = 'created' | 'replaced' | 'older' | CacheError;

/* Lua counts from 1 and includes the end. */
const VERSION_FROM = VERSION_AT + 1;
const VERSION_TO = VERSION_AT + VERSION_LENGTH;

/**
 * A version further ahead of the server's clock than this does not protect its entry: it was made while some clock was
 * wrong, and obeying it would lock the key until that time comes. {@link HybridClock.observe} draws the same line.
 */
const MAX_AHEAD_MS = 60_000;

/** Lua: whether `head` is the beginning of an entry whose version is newer than `version`. */
const IS_NEWER = `
local call, pcall, sub = redis.call, redis.pcall, string.sub
local function is_entry(head)
  return type(head) == 'string' and #head == ${VERSION_TO} and sub(head, 1, ${FORMAT_TAG.length}) == '${FORMAT_TAG}'
end
-- Another type than a string counts as nothing; what could not be read for another reason must not be written over.
local function is_refused(head)
  return type(head) == 'table' and not string.find(head.err, 'WRONGTYPE', 1, true)
end
local function is_newer(head, version)
  if sub(head, ${VERSION_FROM}) <= version then return false end
  local stored_ms = tonumber(sub(head, ${VERSION_FROM}, ${VERSION_FROM + 12}))
  return stored_ms ~= nil and stored_ms <= tonumber(call('TIME')[1]) * 1000 + ${MAX_AHEAD_MS}
end
`;

/**
 * KEYS[i]: where entry i goes. ARGV[i]: its sealed envelope.
 * Returns per entry: 1 created, 2 replaced a live value, 0 an entry that is not older is there, or the error's text.
 * Bytes that are no entry of this format count as nothing. Where Redis has no room for a write, what was there is removed.
 */
const APPLY_WRITES = `${IS_NEWER}
local results = {}
for i = 1, #KEYS do
  local entry = ARGV[i]
  local head = pcall('GETRANGE', KEYS[i], 0, ${VERSION_TO - 1})
  local live, newer = false, false
  if is_entry(head) then
    live = sub(head, ${KIND_AT + 1}, ${KIND_AT + 1}) == 'v'
    newer = is_newer(head, sub(entry, ${VERSION_FROM}, ${VERSION_TO}))
  end
  if is_refused(head) then
    results[i] = head.err
  elseif newer then
    results[i] = 0
  else
    local reply = pcall('SET', KEYS[i], entry, 'PXAT', sub(entry, ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13}))
    local failure = reply.err
    -- No memory for the new entry: better nothing than the older one. That is all a deletion needs.
    if failure and type(pcall('UNLINK', KEYS[i])) == 'number' and sub(entry, ${KIND_AT + 1}, ${KIND_AT + 1}) == 'd' then failure = nil end
    if failure then results[i] = failure elseif live then results[i] = 2 else results[i] = 1 end
  end
end
return results
`;

/**
 * KEYS[1], ARGV[1] as above; ARGV[2]: the version that must still be there. Returns 1 when it was and is replaced, else 0.
 * Changes an entry's lifetime without putting an old value over a newer one.
 */
const REPLACE_IF_SAME = `
local head = redis.pcall('GETRANGE', KEYS[1], ${VERSION_AT}, ${VERSION_TO - 1})
if type(head) == 'table' then return head end
if head ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', string.sub(ARGV[1], ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13}))
return 1
`;

/**
 * KEYS: entries of one service. ARGV[1]: the version of the clear. Removes those written before it; marks of deletions
 * stay, they expire by themselves. Returns how many were removed.
 */
const REMOVE_OLDER = `${IS_NEWER}
local doomed = {}
for i = 1, #KEYS do
  local head = pcall('GETRANGE', KEYS[i], 0, ${VERSION_TO - 1})
  if is_refused(head) then return head end
  local keep = is_entry(head) and (sub(head, ${KIND_AT + 1}, ${KIND_AT + 1}) == 'd' or is_newer(head, ARGV[1]))
  if not keep then doomed[#doomed + 1] = KEYS[i] end
end
if #doomed > 0 then call('UNLINK', unpack(doomed)) end
return #doomed
`;

/** A Lua script that is sent by its hash, and in full only when the server does not know it. */
class Script {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source.trim();
    this.#sha = createHash('sha1').update(this.#source).digest('hex');
  }

  async run<T>(
    connection: RedisConnection,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
    timeoutMs: number,
  ): Promise<T> {
    const rest = [this.#sha, String(keys.length), ...keys, ...args];
    try {
      return await connection.send<T>('evalsha', rest, timeoutMs);
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw unavailable(error);
    }
    try {
      return await connection.send<T>('eval', [this.#source, ...rest.slice(1)], timeoutMs);
    } catch (error) {
      throw unavailable(error);
    }
  }
}

const applyScript = new Script(APPLY_WRITES);
const replaceScript = new Script(REPLACE_IF_SAME);
const removeScript = new Script(REMOVE_OLDER);

/**
 * Applies writes in one script call; the outcomes are in their order.
 *
 * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then any of them may have been applied)
 */
export async function applyWrites(
  connection: RedisConnection,
  writes: readonly ScriptWrite[],
  timeoutMs: number,
): Promise<WriteOutcome[]> {
  const keys: string[] = [];
  const args: (string | Buffer)[] = [];
  for (const write of writes) {
    keys.push(write.redisKey);
    args.push(write.sealed);
  }
  const replies = await applyScript.run<(number | string)[]>(connection, keys, args, timeoutMs);
  reportRefusal(connection, writes, replies);
  return replies.map(toOutcome);
}

/** Replaces one entry if it still has `version`; resolves to whether it had. */
export async function replaceIfSame(
  connection: RedisConnection,
  write: ScriptWrite,
  version: string,
  timeoutMs: number,
): Promise<boolean> {
  return (await replaceScript.run<number>(connection, [write.redisKey], [write.sealed, version], timeoutMs)) === 1;
}

/** Removes those of `redisKeys` that were written before `version`; resolves to how many. */
export function removeOlder(
  connection: RedisConnection,
  redisKeys: readonly string[],
  version: string,
  timeoutMs: number,
): Promise<number> {
  return removeScript.run<number>(connection, redisKeys, [version], timeoutMs);
}

/** A batch is answered as a whole; that Redis refused writes of it is found in the answer. One tells of all. */
function reportRefusal(connection: RedisConnection, writes: readonly ScriptWrite[], replies: readonly (number | string)[]): void {
  let isAccepted = false;
  for (let i = 0; i < replies.length; i++) {
    const reply = replies[i];
    if (typeof reply === 'string') {
      connection.noteWrite(reply);
      return;
    }
    // A deletion needs no room.
    if (connection.isFull && (reply === 1 || reply === 2)) isAccepted ||= kindOf(writes[i]) !== 'd';
  }
  if (isAccepted) connection.noteWrite(undefined);
}

function kindOf(write: ScriptWrite | undefined): string {
  const sealed = write?.sealed ?? '';
  return typeof sealed === 'string' ? sealed.charAt(KIND_AT) : String.fromCharCode(sealed[KIND_AT] ?? 0);
}

function toOutcome(reply: number | string): WriteOutcome {
  if (reply === 1) return 'created';
  if (reply === 2) return 'replaced';
  if (reply === 0) return 'older';
  const reason = describeFailure(new Error(String(reply)));
  return new CacheError('CACHE_L2_UNAVAILABLE', `Redis refused the write: ${reason}`, { cause: new Error(reason) });
}
