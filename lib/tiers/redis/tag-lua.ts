/** Parts of the script that writes which are about the tags in a service's marks. They use its `call`, `sub` and `find`. */
import { HEADER_LENGTH } from '../../codec/envelope.js';
import { VERSION_LENGTH } from '../../base/hybrid-clock.js';
import { CURSOR_FIELD, PRUNED_FIELD, TAG_FIELD } from './marks-script.js';

/** Tags in the marks from which on those are removed that no entry needs, and how many are looked at in one call. */
export const PRUNE_FROM = 500;
const PRUNE_PAGE = 50;

/**
 * Lua: removes marks of tags that no entry needs any more, a page of them in each call: those that are older than the longest life an
 * entry with tags has had. The newest of them is noted, so that a missing mark says "never" only about what is newer than that.
 */
export const PRUNE = `
local function prune(marks, life)
  local now = tonumber(call('TIME')[1]) * 1000
  local state = call('HMGET', marks, '${CURSOR_FIELD}', '${PRUNED_FIELD}')
  local page = call('HSCAN', marks, state[1] or '0', 'MATCH', '${TAG_FIELD}*', 'COUNT', '${PRUNE_PAGE}')
  if page.err then return end
  local pruned, dead = state[2] or '', {}
  for i = 1, #page[2], 2 do
    local version = page[2][i + 1]
    if (tonumber(sub(version, 1, 13)) or now) + life < now then
      dead[#dead + 1] = page[2][i]
      if version > pruned then pruned = version end
    end
  end
  call('HSET', marks, '${CURSOR_FIELD}', page[1], '${PRUNED_FIELD}', pruned)
  if #dead > 0 then call('HDEL', marks, unpack(dead)) end
end
`;

/** Lua: whether a tag of an entry was invalidated after `version`, as far as these marks say; returns the invalidation's version. */
export const TAG_CHECK = `
local function invalidation_of(entry, marks, highest, version)
  local ends = find(entry, '\\n', ${HEADER_LENGTH + 1}, true)
  local is_list, tags = pcall(cjson.decode, sub(entry, ${HEADER_LENGTH + 1}, (ends or 0) - 1))
  if not is_list or type(tags) ~= 'table' then return nil end
  local fields = {}
  for i = 1, #tags do fields[i] = '${TAG_FIELD}' .. tostring(tags[i]) end
  if #fields == 0 then return nil end
  fields[#fields + 1] = '${PRUNED_FIELD}'
  local newest = version
  for _, known in ipairs(call('HMGET', marks, unpack(fields))) do
    if known and #known == ${VERSION_LENGTH} and known > newest and known <= highest then newest = known end
  end
  return newest > version and newest or nil
end
`;
