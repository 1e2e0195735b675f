/**
 * The one way entries get into Redis: a script that applies a whole batch, each write only if Redis does not hold a newer
 * one and the service was not cleared since. Applying a batch twice, or late, or half, therefore does no harm, which is what
 * makes retries and replay safe. What was applied is announced to the other processes in the same call (G5).
 */
import { CacheError } from '../../base/errors.js';
import { MAX_AHEAD_MS, VERSION_LENGTH } from '../../base/hybrid-clock.js';
import { EXPIRES_AT, FORMAT_TAG, KIND_AT, kindOfSealed, VERSION_AT } from '../../codec/envelope.js';
import { ANNOUNCE, streamLengthOf, type Announcement } from './announcement.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-errors.js';
import { Script } from './script.js';

/** Bytes in one script call at most, unless a single write is larger: it must not block Redis for long. */
export const MAX_BATCH_BYTES = 1024 * 1024;

/** One sealed entry and where it goes. */
export interface ScriptWrite {
  readonly key: string;
  readonly redisKey: string;
  /** A sealed envelope; its version decides, its expiry is handed to Redis. */
  readonly sealed: string | Buffer;
  /** The version in {@link sealed}. */
  readonly version: string;
  /** Set together with the outcome `older`: the version of what is newer, an entry or a clear. */
  newer?: string;
}

/**
 * What became of one write: `created` (nothing live was there), `replaced` (a live value was), `older` (Redis holds a newer
 * write, or a newer clear; nothing changed), or the refusal of this one key.
 */
export type WriteOutcome = 'created' | 'replaced' | 'older' | CacheError;

/** Begins the answer that something newer is there; no error of Redis begins like this. */
const NEWER = '<';

/* Lua counts from 1 and includes the end. */
const VERSION_FROM = VERSION_AT + 1;
const VERSION_TO = VERSION_AT + VERSION_LENGTH;

/** Lua: what an entry's beginning says, and whether one version is newer than another. */
const COMPARE = `
local call, pcall, sub = redis.call, redis.pcall, string.sub
local function is_entry(head)
  return type(head) == 'string' and #head == ${VERSION_TO} and sub(head, 1, ${FORMAT_TAG.length}) == '${FORMAT_TAG}'
end
-- Another type than a string counts as nothing; what could not be read for another reason must not be written over.
local function is_refused(head)
  return type(head) == 'table' and not string.find(head.err, 'WRONGTYPE', 1, true)
end
local function is_newer(stored, version)
  if stored <= version then return false end
  local stored_ms = tonumber(sub(stored, 1, 13))
  return stored_ms ~= nil and stored_ms <= tonumber(call('TIME')[1]) * 1000 + ${MAX_AHEAD_MS}
end
`;

/**
 * KEYS[1]: the clear mark; then the entries; then the stream, if there is one. ARGV[1]: the message, empty for none; ARGV[2]:
 * the channel, empty where there is a stream; ARGV[3]: how many messages the stream keeps; then the sealed entries.
 * Returns per entry: 1 created, 2 replaced a live value, '<' and a version: an entry or a clear of that newer version is there, or
 * the error's text.
 * What is sent again, with the version that is there, changes nothing (its lifetime may have been changed since), but is announced.
 * Bytes that are no entry of this format count as nothing. Where Redis has no room for a write, what was there is removed.
 * Every caller waits for this script, so what would be a function elsewhere is written out, and numbers
 * are texts: Redis takes longer to make a text of a number than to carry out the command.
 */
const APPLY_WRITES = `
local call, sub, find = redis.pcall, string.sub, string.find
local results, applied = {}, false
local cleared = call('GET', KEYS[1]) or ''
if #cleared ~= ${VERSION_LENGTH} then cleared = '' end
for i = 4, #ARGV do
  local key, entry, stored, kind, result, newer = KEYS[i - 2], ARGV[i], '', '', 1, ''
  local version = sub(entry, ${VERSION_FROM}, ${VERSION_TO})
  local head = call('GETRANGE', key, '0', '${VERSION_TO - 1}')
  if head.err then
    -- Another type than a string counts as nothing; what could not be read for another reason must not be written over.
    if not find(head.err, 'WRONGTYPE', 1, true) then result = head.err end
  elseif #head == ${VERSION_TO} and sub(head, 1, ${FORMAT_TAG.length}) == '${FORMAT_TAG}' then
    stored = sub(head, ${VERSION_FROM})
    kind = sub(head, ${KIND_AT + 1}, ${KIND_AT + 1})
    if stored > cleared and kind == 'v' then result = 2 end
  end
  if stored > version or cleared > version then
    local limit = tonumber(call('TIME')[1]) * 1000 + ${MAX_AHEAD_MS}
    if stored > version and (tonumber(sub(stored, 1, 13)) or limit + 1) <= limit then newer = stored end
    if cleared > version then
      if (tonumber(sub(cleared, 1, 13)) or limit + 1) > limit then
        if result == 1 and kind == 'v' then result = 2 end
      elseif cleared > newer then newer = cleared end
    end
    if newer ~= '' then result = '${NEWER}' .. newer end
  end
  if stored == version and kind == sub(entry, ${KIND_AT + 1}, ${KIND_AT + 1}) and newer == '' then
    applied = true
  elseif result == 1 or result == 2 then
    local failure = call('SET', key, entry, 'PXAT', sub(entry, ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13})).err
    applied = true
    -- No memory for the new entry: better nothing than the older one. That is all a deletion needs.
    if failure and (type(call('UNLINK', key)) ~= 'number' or sub(entry, ${KIND_AT + 1}, ${KIND_AT + 1}) ~= 'd') then result = failure end
  end
  results[i - 3] = result
end
if applied and ARGV[1] ~= '' then
${ANNOUNCE}
  local failure = announce(ARGV[2] == '' and KEYS[#KEYS], ARGV[3], ARGV[2], ARGV[1])
  if failure then
    for i = 1, #results do if sub(results[i], 1, 1) ~= '${NEWER}' then results[i] = failure end end
  end
end
return results
`;

/**
 * KEYS[1]: the entry; KEYS[2]: the stream, if there is one. ARGV[1]: the sealed entry; ARGV[2]: the version that must still be
 * there; ARGV[3], ARGV[4], ARGV[5]: message, channel and length as above. Returns 1 when it was and is replaced, else 0.
 * Changes an entry's lifetime without putting an old value over a newer one.
 */
const REPLACE_IF_SAME = `${ANNOUNCE}
local head = redis.pcall('GETRANGE', KEYS[1], '${VERSION_AT}', '${VERSION_TO - 1}')
if type(head) == 'table' then return head end
if head ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', string.sub(ARGV[1], ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13}))
if ARGV[3] ~= '' then
  local failure = announce(ARGV[4] == '' and KEYS[2], ARGV[5], ARGV[4], ARGV[3])
  if failure then return redis.error_reply(failure) end
end
return 1
`;

/**
 * KEYS[1]: a clear mark; KEYS[2]: the stream, if there is one. ARGV[1]: the version of the clear; ARGV[2]: how long it is
 * remembered, in milliseconds; ARGV[3], ARGV[4], ARGV[5]: message, channel and length as above. Returns 1.
 */
const SET_CLEAR_MARK = `${COMPARE}${ANNOUNCE}
local stored = pcall('GET', KEYS[1])
if type(stored) ~= 'string' or not is_newer(stored, ARGV[1]) then call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
if ARGV[3] ~= '' then
  local failure = announce(ARGV[4] == '' and KEYS[2], ARGV[5], ARGV[4], ARGV[3])
  if failure then return redis.error_reply(failure) end
end
return 1
`;

/**
 * KEYS: entries of one service. ARGV[1]: the version of the clear. Removes those written before it; marks of deletions
 * stay, they expire by themselves. Returns how many were removed.
 */
const REMOVE_OLDER = `${COMPARE}
local doomed = {}
for i = 1, #KEYS do
  local head = pcall('GETRANGE', KEYS[i], '0', '${VERSION_TO - 1}')
  if is_refused(head) then return head end
  local keep = is_entry(head) and (sub(head, ${KIND_AT + 1}, ${KIND_AT + 1}) == 'd' or is_newer(sub(head, ${VERSION_FROM}), ARGV[1]))
  if not keep then doomed[#doomed + 1] = KEYS[i] end
end
if #doomed > 0 then call('UNLINK', unpack(doomed)) end
return #doomed
`;

const applyScript = new Script(APPLY_WRITES);
const replaceScript = new Script(REPLACE_IF_SAME);
const clearScript = new Script(SET_CLEAR_MARK);
const removeScript = new Script(REMOVE_OLDER);

/**
 * Applies writes of one slot in one script call; the outcomes are in their order.
 *
 * @param clearMark where the version of the last clear is, in the same slot
 * @param announcement absent: nobody is told
 * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then any of them may have been applied)
 */
export async function applyWrites(
  connection: RedisConnection,
  writes: readonly ScriptWrite[],
  clearMark: string,
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<WriteOutcome[]> {
  const keys: string[] = [clearMark];
  const args: (string | Buffer)[] = messageArgs(announcement);
  for (const write of writes) {
    keys.push(write.redisKey);
    args.push(write.sealed);
  }
  if (announcement?.stream !== undefined) keys.push(announcement.stream);
  const replies = await applyScript.run<(number | string)[]>(connection, keys, args, timeoutMs);
  reportRefusal(connection, writes, replies);
  return replies.map((reply, i) => toOutcome(reply, writes[i] as ScriptWrite));
}

/** Replaces one entry if it still has its version; resolves to whether it had. @throws {CacheError} like {@link applyWrites} */
export async function replaceIfSame(
  connection: RedisConnection,
  { redisKey, sealed, version }: ScriptWrite,
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<boolean> {
  const args = [sealed, version, ...messageArgs(announcement)];
  return (await replaceScript.run<number>(connection, withStream([redisKey], announcement), args, timeoutMs)) === 1;
}

/** Sets a clear mark unless a newer clear is noted there. @throws {CacheError} like {@link applyWrites} */
export async function setClearMark(
  connection: RedisConnection,
  clearMark: string,
  mark: { readonly version: string; readonly lifeMs: number },
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<void> {
  const args = [mark.version, String(mark.lifeMs), ...messageArgs(announcement)];
  await clearScript.run(connection, withStream([clearMark], announcement), args, timeoutMs);
}

/** Removes those of `redisKeys`, which share a slot, that were written before `version`; resolves to how many. */
export function removeOlder(
  connection: RedisConnection,
  redisKeys: readonly string[],
  version: string,
  timeoutMs: number,
): Promise<number> {
  return removeScript.run<number>(connection, redisKeys, [version], timeoutMs);
}

function messageArgs(announcement: Announcement | undefined): string[] {
  if (announcement === undefined) return ['', '', ''];
  return [announcement.message, announcement.channel, streamLengthOf(announcement.message)];
}

function withStream(keys: string[], announcement: Announcement | undefined): string[] {
  if (announcement?.stream !== undefined) keys.push(announcement.stream);
  return keys;
}

/** A batch is answered as a whole; that Redis refused writes of it is found in the answer. One tells of all. */
function reportRefusal(connection: RedisConnection, writes: readonly ScriptWrite[], replies: readonly (number | string)[]): void {
  let isAccepted = false;
  for (let i = 0; i < replies.length; i++) {
    const reply = replies[i];
    if (typeof reply === 'string') {
      if (reply.startsWith(NEWER)) continue;
      connection.noteWrite(reply, applyScript.commands);
      return;
    }
    // A deletion needs no room.
    if (connection.awaitsWrite && (reply === 1 || reply === 2)) isAccepted ||= kindOfSealed(writes[i]?.sealed ?? '') !== 'd';
  }
  if (isAccepted) connection.noteWrite(undefined);
}

function toOutcome(reply: number | string, write: ScriptWrite): WriteOutcome {
  if (reply === 1) return 'created';
  if (reply === 2) return 'replaced';
  if (typeof reply === 'string' && reply.startsWith(NEWER)) {
    write.newer = reply.slice(NEWER.length);
    return 'older';
  }
  const reason = describeFailure(new Error(String(reply)));
  return new CacheError('CACHE_L2_UNAVAILABLE', `Redis refused the write: ${reason}`, { cause: new Error(reason) });
}
