/**
 * The scripts that read and change a service's marks as a whole: docs/entry-format.md says what is in them, `ServiceMarks` what
 * they are for. What a batch of writes does with them is in write-script.ts.
 */
import { NODE_ID_LENGTH, TICKS_PER_MS, VERSION_LENGTH } from '../../base/hybrid-clock.js';
import { ANNOUNCE, messageArgs, withStream, type Announcement } from './announcement.js';
import type { RedisConnection } from './redis-connection.js';
import { Script } from './script.js';

/** Fields of the marks. */
export const CLEARED_FIELD = 'c';
export const HIGHEST_FIELD = 'h';
export const PRUNED_FIELD = 'p';
export const LIFE_FIELD = 'l';
export const CURSOR_FIELD = 's';
/** Begins the field of a tag. */
export const TAG_FIELD = 't';

/** The version before all others: nothing was cleared. */
export const NEVER = '0'.repeat(VERSION_LENGTH);

/** Keys in a database that may be gone through while everybody waits. */
const FEW_KEYS = 1000;

/**
 * Lua: `read()` returns the version of the last clear, `nil` where there are no marks, and the highest version. What is no version, or
 * not even a hash, was not put there by us and counts as nothing.
 */
const READ = `
local function read()
  local found = redis.pcall('HMGET', KEYS[1], '${CLEARED_FIELD}', '${HIGHEST_FIELD}')
  if found.err then
    if not string.find(found.err, 'WRONGTYPE', 1, true) then error(found.err) end
    return {nil, '', err = found.err}
  end
  local cleared, highest = found[1] or '', found[2] or ''
  return {#cleared == ${VERSION_LENGTH} and cleared or nil, #highest == ${VERSION_LENGTH} and highest or ''}
end
`;

/**
 * KEYS[1]: the marks; KEYS[2]: the stream, if there is one. ARGV[1]: a version of now; ARGV[2]: `1` if Redis can't have evicted the
 * marks; ARGV[3]: a pattern for the entries they are about; ARGV[4], ARGV[5], ARGV[6]: message, channel and length. Makes marks
 * where there are none. If some may have been lost, everything that is there counts as cleared. Returns the version of the last
 * clear, the highest version, and 1 if that was a clear.
 */
const OPEN_MARKS = `${ANNOUNCE}${READ}
local known = read()
if known[1] then return {known[1], known[2], 0} end
-- Somebody has overwritten them: then they were lost, whether Redis evicts or not.
local is_foreign = known.err ~= nil or redis.call('HLEN', KEYS[1]) > 0
if is_foreign then redis.call('UNLINK', KEYS[1]) end
local function has_entries()
  if redis.call('DBSIZE') > ${FEW_KEYS} then return true end
  local cursor = '0'
  repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[3], 'COUNT', '${FEW_KEYS}')
    if #page[2] > 0 then return true end
    cursor = page[1]
  until cursor == '0'
  return false
end
local cleared = '${NEVER}'
if (ARGV[2] ~= '1' or is_foreign) and has_entries() then cleared = ARGV[1] end
redis.call('HSET', KEYS[1], '${CLEARED_FIELD}', cleared, '${HIGHEST_FIELD}', cleared)
if cleared == '${NEVER}' then return {cleared, cleared, 0} end
if ARGV[4] ~= '' then announce(ARGV[5] == '' and KEYS[2], ARGV[6], ARGV[5], ARGV[4]) end
return {cleared, cleared, 1}
`;

/**
 * Lua: `is_passed(version, highest, newest)` says whether others have applied something newer than an invalidation that is being
 * called now. Its process, which knew versions up to `newest` when it sent it, may have heard of that since it was stamped; what it
 * wrote itself since is to stay. `raised(version, highest)` is the version right after `highest`, with the process of `version`;
 * `retold(message, from, to)` a message with one version in the place of another.
 */
export const RAISE = `
local function is_passed(version, highest, newest)
  return highest > version and (highest > newest or string.sub(highest, 18) ~= string.sub(version, 18))
end
local function raised(version, highest)
  local ms, tick = tonumber(string.sub(highest, 1, 13)), tonumber(string.sub(highest, 14, 17)) + 1
  if tick >= ${TICKS_PER_MS} then ms, tick = ms + 1, 0 end
  return string.format('%013.0f%04d', ms, tick) .. string.sub(version, 18)
end
local function retold(message, from, to)
  local parts, at = {}, 1
  for first, last in function() return string.find(message, from, at, true) end do
    parts[#parts + 1] = string.sub(message, at, first - 1) .. to
    at = last + 1
  end
  return table.concat(parts) .. string.sub(message, at)
end
`;

/** `is_passed` of {@link RAISE}. */
export function isPassed(version: string, highest: string, newest: string): boolean {
  const isOwn = highest.slice(-NODE_ID_LENGTH) === version.slice(-NODE_ID_LENGTH);
  return highest > version && (highest > newest || !isOwn);
}

/**
 * KEYS as above. ARGV[1]: the version of the clear; ARGV[2]: for a clear that is being called now, the newest version its process knows,
 * else empty; ARGV[3], ARGV[4], ARGV[5]: message, channel and length. Returns the version it got: a newer one if others have
 * applied something newer, or else it would leave that alone. A late clear that finds no marks changes nothing and returns nothing.
 */
const CLEAR = `${ANNOUNCE}${RAISE}${READ}
local known = read()
if known.err and ARGV[2] ~= '' then redis.call('UNLINK', KEYS[1]) end
local version, highest, message = ARGV[1], known[2], ARGV[3]
if ARGV[2] == '' then
  if not known[1] then return '' end
elseif is_passed(version, highest, ARGV[2]) then
  version = raised(version, highest)
  message = retold(message, ARGV[1], version)
end
if highest < version then redis.call('HSET', KEYS[1], '${HIGHEST_FIELD}', version) end
-- No clear is newer than the highest version but one that somebody else has put there.
if not known[1] or known[1] < version or known[1] > highest then redis.call('HSET', KEYS[1], '${CLEARED_FIELD}', version) end
if message ~= '' then
  local failure = announce(ARGV[4] == '' and KEYS[2], ARGV[5], ARGV[4], message)
  if failure then return redis.error_reply(failure) end
end
return version
`;

const openScript = new Script(OPEN_MARKS);
const clearScript = new Script(CLEAR);

/** What marks say. */
export interface MarksState {
  /** The version of the last clear; {@link NEVER}. */
  readonly cleared: string;
  /** The highest version applied. */
  readonly highest: string;
  /** Whether everything had to be cleared. */
  readonly isLoss: boolean;
}

/** What {@link openMarks} needs to know. */
export interface Opening {
  readonly version: string;
  /** Whether Redis can't have evicted them. */
  readonly isFirst: boolean;
  readonly pattern: string;
}

/** Makes marks where there are none. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
export async function openMarks(
  connection: RedisConnection,
  marks: string,
  { version, isFirst, pattern }: Opening,
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<MarksState> {
  const args = [version, isFirst ? '1' : '0', pattern, ...messageArgs(announcement)];
  const keys = withStream([marks], announcement);
  const [cleared, highest, isLoss] = await openScript.run<[string, string, number]>(connection, keys, args, timeoutMs);
  return { cleared, highest, isLoss: isLoss === 1 };
}

/**
 * Notes a clear; resolves to the version it got, or to `undefined` when a late one found no marks.
 *
 * @param newest what the process that calls now knows; absent: the clear is late, and as old as its version
 * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
 */
export async function noteClear(
  connection: RedisConnection,
  marks: string,
  { version, newest }: { readonly version: string; readonly newest: string | undefined },
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<string | undefined> {
  const args = [version, newest ?? '', ...messageArgs(announcement)];
  const noted = await clearScript.run<string>(connection, withStream([marks], announcement), args, timeoutMs);
  return noted === '' ? undefined : noted;
}
