/**
 * The one way entries get into Redis: a script that applies a whole batch, each write only if Redis does not hold a newer
 * one and the service was not cleared since. Applying a batch twice, or late, or half, therefore does no harm, which is what
 * makes retries and replay safe. What was applied is announced to the other processes in the same call (G5).
 */
import { CacheError } from '../../base/errors.js';
import { MAX_AHEAD_MS, NODE_ID_LENGTH, VERSION_LENGTH } from '../../base/hybrid-clock.js';
import { CREATED_AT, EXPIRES_AT, isTagged, KIND_AT, kindOfSealed, TAGGED, TAGGED_AT, VERSION_AT } from '../../codec/envelope.js';
import { FORMAT_TAG } from '../../codec/format-tag.js';
import { ANNOUNCE, messageArgs, type Announcement } from './announcement.js';
import { CLEARED_FIELD, HIGHEST_FIELD, LIFE_FIELD, NEVER, RAISE, TAG_FIELD } from './marks-script.js';
import { raise } from './raise-marks.js';
import type { RedisConnection } from './redis-connection.js';
import { describeReply } from './server-text.js';
import { Script } from './script.js';
import { PRUNE, PRUNE_FROM, TAG_CHECK } from './tag-lua.js';
import { MARK_LIFE_MS, tagOfMark } from './tag-mark.js';

/** Bytes in one script call at most, unless a single write is larger: it must not block Redis for long. */
export const MAX_BATCH_BYTES = 1024 * 1024;

/** One sealed entry and where it goes. */
export interface ScriptWrite {
  readonly key: string;
  readonly redisKey: string;
  /** A sealed envelope; its version decides, its expiry is handed to Redis. Sealed anew if its times turn out to be wrong. */
  sealed: string | Buffer;
  /** The version in {@link sealed}; that of a tag's invalidation may be raised. */
  version: string;
  /** Set together with the outcome `older`: the version of what is newer, an entry or a clear. */
  newer?: string;
  /** Whether somebody waits for it: in a cluster it is then compared with the marks of its tags. */
  readonly isAwaited?: boolean;
  /** Whether {@link version} was raised since the invalidation of a tag was sealed: before it was sent, or by Redis. */
  isRaised?: boolean;
}

/**
 * What became of one write: `created` (nothing live was there), `replaced` (a live value was), `older` (Redis holds a newer
 * write, or a newer clear; nothing changed), or the refusal of this one key.
 */
export type WriteOutcome = 'created' | 'replaced' | 'older' | CacheError;

/** Begins the answer that something newer is there, or that a newer version was given; no error of Redis begins like this. */
const NEWER = '<';
const RAISED = '>';

/** Says that the writer's clock is not the server's: that was set since they were compared. */
const WRONG_TIME = 'clock';

/**
 * Letters for the script: marks that are not there were never made; the times of the writes are to be compared with the server's; some
 * of the entries have tags.
 */
const KEEPS_MARKS = 'k';
const COMPARES_CLOCKS = 't';
const HAS_TAGS = 'g';

/** Where they are among the arguments. */
const LETTERS_AT = 4;

/** Lua's pattern of a version. */
const VERSION_FORM = `^${'%d'.repeat(VERSION_LENGTH - NODE_ID_LENGTH)}${'[!-~]'.repeat(NODE_ID_LENGTH)}$`;

/* Lua counts from 1 and includes the end. */
const VERSION_FROM = VERSION_AT + 1;
const VERSION_TO = VERSION_AT + VERSION_LENGTH;

/** How far the times of a write that is made now may be from the server's clock: more than a write waits for its turn. */
const CLOCK_BOUND_MS = 5000;

/** Digits of two versions that are the same if they are less than some seconds apart: those of 10 s. */
const SAME_TIME_DIGITS = 9;

/**
 * KEYS[1]: the marks; then the entries (for a tag the marks once more); then the stream, if there is one. ARGV[1]: the message, empty
 * for none; ARGV[2]: the channel, empty where there is a stream; ARGV[3]: how many messages the stream keeps; ARGV[4]: for calls that
 * are being made now, the newest version their process knows, else empty; ARGV[5]: the letters above; then the sealed entries; the
 * invalidation of a tag is `${TAG_FIELD}`, its version, the tag. Returns nothing at all when there are no marks, and one `${WRONG_TIME}` if the times are
 * far off: then nothing was applied. Else per entry: 1 created, 2 replaced a live value, '<' and a version: something of that newer
 * version is there (for an invalidated tag the entry is written, though nobody may read it), '>' and a version: the invalidation got that newer one, because something newer than ARGV[4] was applied, or
 * the error's text.
 * What is sent again, with the version that is there, changes nothing (its lifetime may have been changed since), but is announced.
 * Bytes that do not begin with the tag of the entries that are sent count as nothing. Where Redis has no room for a write, what was there is removed.
 * Every caller waits for this script, so what would be a function elsewhere is written out, and numbers
 * are texts: Redis takes longer to make a text of a number than to carry out the command.
 */
const APPLY_WRITES = `
local call, sub, find = redis.pcall, string.sub, string.find
local results, applied, newest, message, own = {}, false, '', ARGV[1], KEYS[1]
local tag
local marks = call('HMGET', own, '${CLEARED_FIELD}', '${HIGHEST_FIELD}')
if marks.err then
  -- It can't be ours; whoever makes the marks removes it.
  if find(marks.err, 'WRONGTYPE', 1, true) then return results end
  return redis.error_reply(marks.err)
end
local cleared, highest, limit = marks[1], marks[2] or '', nil
if not cleared or #cleared ~= ${VERSION_LENGTH} then
  if not find(ARGV[5], '${KEEPS_MARKS}', 1, true) then return results end
  local fields = call('HLEN', KEYS[1])
  if type(fields) == 'table' then return redis.error_reply(fields.err) end
  if fields > 0 then return results end
  cleared = '${NEVER}'
  call('HSET', KEYS[1], '${CLEARED_FIELD}', cleared)
end
if #highest ~= ${VERSION_LENGTH} then highest = '' end
-- Only where there are tags: the longest life of an entry that has some, as noted and as it is now; when tags were invalidated.
local noted, longest, known, unread
local has_tags = find(ARGV[5], '${HAS_TAGS}', 1, true)
if sub(ARGV[5], 1, 1) == '${COMPARES_CLOCKS}' and KEYS[2] ~= KEYS[1] then
  local first = sub(ARGV[6], ${VERSION_FROM}, ${VERSION_TO})
  -- Asking for the time costs as much as a write. Versions of a clock that was set, or was not when others were, are found by this.
  if first > highest or sub(first, 1, ${SAME_TIME_DIGITS}) ~= sub(highest, 1, ${SAME_TIME_DIGITS}) then
    local created = tonumber(sub(ARGV[6], ${CREATED_AT + 1}, ${CREATED_AT + 13})) or 0
    local off = created - tonumber(call('TIME')[1]) * 1000
    if off > ${CLOCK_BOUND_MS} or off < -${CLOCK_BOUND_MS} then return {'${WRONG_TIME}'} end
  end
end
for i = 6, #ARGV do
  local key, entry, stored, kind, result, newer = KEYS[i - 4], ARGV[i], '', '', 1, ''
  local version, hidden
  if key == own then
    version = sub(entry, 2, ${VERSION_LENGTH + 1})
    local field = '${TAG_FIELD}' .. sub(entry, ${VERSION_LENGTH + 2})
    stored = call('HGET', key, field) or ''
    -- Without the right to look, what is newer might be written over.
    if stored.err then result, stored = stored.err, '' end
    -- Nothing of ours is newer than the highest version.
    if #stored ~= ${VERSION_LENGTH} or stored > highest then stored = '' end
    if stored > version then
      result = '${NEWER}' .. stored
    elseif result == 1 then
      ${RAISE}
      if ARGV[4] ~= '' and is_passed(version, highest, ARGV[4]) then
        -- Others have written with versions that the caller did not know of, perhaps with this tag.
        local newer = raised(version, newest > highest and newest or highest)
        message, version = retold(message, version, newer), newer
        result = '${RAISED}' .. version
      end
      local reply = call('HSET', key, field, version)
      if type(reply) == 'table' then result = reply.err else applied = true end
      if version > newest then newest = version end
      -- Entries of this batch that come later were called later; a version that was raised is newer than theirs nevertheless.
      known = nil
      local fields = call('HLEN', key)
      if type(fields) == 'table' then
        result = fields.err
      elseif fields > ${PRUNE_FROM} then
        ${PRUNE}
        local life = longest or tonumber(call('HGET', key, '${LIFE_FIELD}') or 0) or 0
        prune(key, life > 0 and life or ${MARK_LIFE_MS})
      end
    end
  else
    version = sub(entry, ${VERSION_FROM}, ${VERSION_TO})
    tag = tag or sub(entry, 1, ${FORMAT_TAG.length})
    local head = call('GETRANGE', key, '0', '${VERSION_TO - 1}')
    if head.err then
      -- Another type than a string counts as nothing; what could not be read for another reason must not be written over.
      if not find(head.err, 'WRONGTYPE', 1, true) then result = head.err end
    elseif #head == ${VERSION_TO} and sub(head, 1, ${FORMAT_TAG.length}) == tag then
      stored = sub(head, ${VERSION_FROM})
      kind = sub(head, ${KIND_AT + 1}, ${KIND_AT + 1})
      if stored > cleared and kind == 'v' then result = 2 end
    end
    if stored > version or cleared > version then
      limit = limit or math.max(tonumber(call('TIME')[1]) * 1000, tonumber(sub(highest, 1, 13)) or 0) + ${MAX_AHEAD_MS}
      -- What looks newer and has not the form of a version was put there by somebody else.
      if stored > version and find(stored, '${VERSION_FORM}') and tonumber(sub(stored, 1, 13)) <= limit then newer = stored end
      if cleared > version then
        if (tonumber(sub(cleared, 1, 13)) or limit + 1) > limit then
          if result == 1 and kind == 'v' then result = 2 end
        elseif cleared > newer then newer = cleared end
      end
    end
    if has_tags and newer == '' and sub(entry, ${TAGGED_AT + 1}, ${TAGGED_AT + 1}) == '${TAGGED}' and type(result) == 'number' then
      known = known or {}
      ${TAG_CHECK}
      -- It takes its place all the same: nobody reads it, and nothing that is older lands behind it.
      if invalidated > version then hidden = '${NEWER}' .. invalidated end
      if not longest then
        local life = call('HGET', own, '${LIFE_FIELD}') or ''
        noted, unread = tonumber(life) or 0, life.err
        longest = noted
      end
      -- Not knowing how long they are needed, somebody would forget tags too early.
      if unread then result = unread end
      local needs = (tonumber(sub(entry, ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13})) or 0) - (tonumber(sub(version, 1, 13)) or 0)
      if needs > longest then longest = needs end
    end
    if newer ~= '' then
      result = '${NEWER}' .. newer
    elseif stored == version and kind == sub(entry, ${KIND_AT + 1}, ${KIND_AT + 1}) then
      applied = true
    elseif result == 1 or result == 2 then
      local failure = call('SET', key, entry, 'PXAT', sub(entry, ${EXPIRES_AT + 1}, ${EXPIRES_AT + 13})).err
      applied = true
      if version > newest then newest = version end
      -- No memory for the new entry: better nothing than the older one. That is all a deletion needs.
      if failure and (type(call('UNLINK', key)) ~= 'number' or sub(entry, ${KIND_AT + 1}, ${KIND_AT + 1}) ~= 'd') then result = failure end
    end
    if hidden and type(result) == 'number' then result = hidden end
  end
  results[i - 5] = result
end
if newest > highest then call('HSET', own, '${HIGHEST_FIELD}', newest) end
if longest and not unread and longest > noted then call('HSET', KEYS[1], '${LIFE_FIELD}', string.format('%.0f', longest)) end
if applied and ARGV[1] ~= '' then
${ANNOUNCE}
  local failure = announce(ARGV[2] == '' and KEYS[#KEYS], ARGV[3], ARGV[2], message)
  if failure then
    for i = 1, #results do if sub(results[i], 1, 1) ~= '${NEWER}' then results[i] = failure end end
  end
end
return results
`;

const applyScript = new Script(APPLY_WRITES);

/** The marks that a batch of one slot is held against. */
export interface BatchMarks {
  /** Where they are. */
  readonly name: string;
  /** For calls that are being made now: the newest version this process knows; empty for what is replayed or sent again. */
  readonly newest: string;
  /** Whether the times of the writes are of now, and to be compared with the server's clock. */
  readonly comparesClocks: boolean;
}

/** Nothing was applied, because the times of the writes are far from the server's clock. */
export const WRONG_CLOCK: unique symbol = Symbol('oxcache.wrong-clock');

/**
 * Applies writes of one slot in one script call; the outcomes are in their order. Resolves to `undefined` when there are no marks:
 * then nothing was applied, and they have to be made first.
 *
 * @param announcement absent: nobody is told
 * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then any of them may have been applied)
 */
export async function applyWrites(
  connection: RedisConnection,
  writes: readonly ScriptWrite[],
  marks: BatchMarks,
  announcement: Announcement | undefined,
  timeoutMs: number,
): Promise<WriteOutcome[] | typeof WRONG_CLOCK | undefined> {
  const keys: string[] = [marks.name];
  const args: (string | Buffer)[] = messageArgs(announcement);
  const keepsMarks = connection.eviction.keepsMarks ? KEEPS_MARKS : '';
  // The letters are known once all writes have been looked at.
  args.push(marks.newest, '');
  let hasTags = '';
  for (const { key, redisKey, sealed, version } of writes) {
    const tag = tagOfMark(key);
    keys.push(tag === undefined ? redisKey : marks.name);
    args.push(tag === undefined ? sealed : TAG_FIELD + version + tag);
    if (isTagged(sealed)) hasTags = HAS_TAGS;
  }
  args[LETTERS_AT] = (marks.comparesClocks ? COMPARES_CLOCKS : '') + keepsMarks + hasTags;
  if (announcement?.stream !== undefined) keys.push(announcement.stream);
  const replies = await applyScript.run<(number | string)[]>(connection, keys, args, timeoutMs);
  if (replies.length === 0) return undefined;
  if (replies[0] === WRONG_TIME) return WRONG_CLOCK;
  reportRefusal(connection, writes, replies);
  return replies.map((reply, i) => toOutcome(reply, writes[i] as ScriptWrite));
}

/** A batch is answered as a whole; that Redis refused writes of it is found in the answer. One tells of all. */
function reportRefusal(connection: RedisConnection, writes: readonly ScriptWrite[], replies: readonly (number | string)[]): void {
  let isAccepted = false;
  for (let i = 0; i < replies.length; i++) {
    const reply = replies[i];
    if (typeof reply === 'string') {
      if (reply.startsWith(NEWER) || reply.startsWith(RAISED)) continue;
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
  if (typeof reply === 'string' && reply.startsWith(RAISED)) {
    raise(write, reply.slice(RAISED.length));
    return 'created';
  }
  const reason = describeReply(String(reply));
  return new CacheError('CACHE_L2_UNAVAILABLE', `Redis refused the write: ${reason}`, { cause: new Error(reason) });
}
