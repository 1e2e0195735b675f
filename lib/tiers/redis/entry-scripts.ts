/** The scripts that change what is there instead of writing anew: another lifetime for an entry, and the removal of what a clear has made invisible. */
import { VERSION_LENGTH } from '../../base/hybrid-clock.js';
import { EXPIRES_AT, KIND_AT, TAGGED, TAGGED_AT, VERSION_AT } from '../../codec/envelope.js';
import { FORMAT_TAG, TAG_FAMILY } from '../../codec/format-tag.js';
import { ANNOUNCE, messageArgs, withStream, type Announcement } from './announcement.js';
import { LIFE_FIELD } from './marks-script.js';
import type { RedisConnection } from './redis-connection.js';
import { Script } from './script.js';
import type { ScriptWrite } from './write-script.js';

/* Lua counts from 1 and includes the end. */
const VERSION_FROM = VERSION_AT + 1;
const VERSION_TO = VERSION_AT + VERSION_LENGTH;

/**
 * KEYS[1]: the entry; KEYS[2]: the marks; KEYS[3]: the stream, if there is one. ARGV[1]: the sealed entry; ARGV[2]: the version that must still be
 * there; ARGV[3], ARGV[4], ARGV[5]: message, channel and length of the stream; an empty message: nobody is told. Returns 1 when it was and is replaced, else 0.
 * Changes an entry's lifetime without putting an old value over a newer one, or over an entry with another tag.
 */
const REPLACE_IF_SAME = `${ANNOUNCE}
local head = redis.pcall('GETRANGE', KEYS[1], '0', '${VERSION_TO - 1}')
if type(head) == 'table' then return head end
local version = string.sub(head, ${VERSION_FROM})
if version ~= ARGV[2] or string.sub(head, 1, ${FORMAT_TAG.length}) ~= string.sub(ARGV[1], 1, ${FORMAT_TAG.length}) then return 0 end
local expires = string.sub(ARGV[1], ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13})
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', expires)
if string.sub(ARGV[1], ${TAGGED_AT + 1}, ${TAGGED_AT + 1}) == '${TAGGED}' then
  local life = (tonumber(expires) or 0) - (tonumber(string.sub(version, 1, 13)) or 0)
  local longest = redis.pcall('HGET', KEYS[2], '${LIFE_FIELD}')
  if type(longest) ~= 'table' and life > (tonumber(longest) or 0) then
    redis.pcall('HSET', KEYS[2], '${LIFE_FIELD}', string.format('%.0f', life))
  end
end
if ARGV[3] ~= '' then
  local failure = announce(ARGV[4] == '' and KEYS[3], ARGV[5], ARGV[4], ARGV[3])
  if failure then return redis.error_reply(failure) end
end
return 1
`;

/**
 * KEYS: names that begin as those of one service. ARGV[1]: the version of the clear; ARGV[2]: the latest time, in milliseconds, that
 * a version may have; ARGV[3]: the tag of the service's entries. Removes what was written before the clear; marks of deletions stay,
 * they expire by themselves, and so do entries with another tag, which are another application's. Returns how many were removed.
 */
const REMOVE_OLDER = `
local sub = string.sub
local doomed = {}
for i = 1, #KEYS do
  local head = redis.pcall('GETRANGE', KEYS[i], '0', '${VERSION_TO - 1}')
  local keep = false
  if type(head) == 'table' then
    -- Another type than a string counts as nothing; what could not be read for another reason must not be removed.
    if not string.find(head.err, 'WRONGTYPE', 1, true) then return head end
  elseif #head == ${VERSION_TO} and string.find(head, '^${TAG_FAMILY}[1%a]') then
    local version = sub(head, ${VERSION_FROM})
    keep = sub(head, 1, ${FORMAT_TAG.length}) ~= ARGV[3] or sub(head, ${KIND_AT + 1}, ${KIND_AT + 1}) == 'd'
      or version > ARGV[1] and (tonumber(sub(version, 1, 13)) or math.huge) <= tonumber(ARGV[2])
  end
  if not keep then doomed[#doomed + 1] = KEYS[i] end
end
if #doomed > 0 then redis.call('UNLINK', unpack(doomed)) end
return #doomed
`;

const replaceScript = new Script(REPLACE_IF_SAME);
const removeScript = new Script(REMOVE_OLDER);

/** Replaces one entry if it still has its version; resolves to whether it had. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
export async function replaceIfSame(
  connection: RedisConnection,
  { redisKey, sealed, version }: ScriptWrite,
  marks: string,
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<boolean> {
  const args = [sealed, version, ...messageArgs(announcement)];
  return (await replaceScript.run<number>(connection, withStream([redisKey, marks], announcement), args, timeoutMs)) === 1;
}

/**
 * Removes those of `redisKeys`, which share a slot, that were written before `version` or have a version of a time after `latestMs`;
 * entries that do not bear `formatTag` stay. Resolves to how many.
 */
export function removeOlder(
  connection: RedisConnection,
  redisKeys: readonly string[],
  { version, latestMs, formatTag }: { readonly version: string; readonly latestMs: number; readonly formatTag: string },
  timeoutMs: number,
): Promise<number> {
  return removeScript.run<number>(connection, redisKeys, [version, String(Math.floor(latestMs)), formatTag], timeoutMs);
}
