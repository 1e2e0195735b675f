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
  for i = 1, #dead do call('HDEL', marks, dead[i]) end
end
`;

/**
 * Lua: when the last of an entry's tags was invalidated, as `invalidated`, as far as these marks say; empty: never. What has the same
 * tags as another entry of the batch is answered from `known`. A version above the highest is nobody's (docs/entry-format.md).
 */
export const TAG_CHECK = `
local ends = find(entry, '\\n', ${HEADER_LENGTH + 1}, true)
local text = sub(entry, ${HEADER_LENGTH + 1}, (ends or 0) - 1)
local invalidated = known[text]
if not invalidated then
  invalidated = ''
  local is_list, tags = pcall(cjson.decode, text)
  if is_list and type(tags) == 'table' and #tags > 0 then
    local bound, fields = newest > highest and newest or highest, {'${PRUNED_FIELD}'}
    for j = 1, #tags do fields[j + 1] = '${TAG_FIELD}' .. tostring(tags[j]) end
    for _, version in ipairs(call('HMGET', KEYS[1], unpack(fields))) do
      if version and #version == ${VERSION_LENGTH} and version > invalidated and version <= bound then invalidated = version end
    end
  end
  known[text] = invalidated
end
`;
