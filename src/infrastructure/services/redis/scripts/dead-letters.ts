import { script } from '../redis-script.js';

/** Fields that letters are looked up by, each with an index of its own. */
export const INDEXED = [
  'status',
  'topic',
  'group',
  'handler',
  'reason',
  'errorType',
  'fingerprint',
  'messageId',
  'correlationId',
  'key',
] as const;

/**
 * Everything lies under one hash tag, so that each script sees and changes all of it in one step: whoever dies between two
 * commands leaves letters and indexes that agree.
 *
 * KEYS[1] is the set of all ids; the names of all others begin like it. An index is a sorted set of "value NUL id", all with the
 * same score, which the server keeps in the order of the bytes: a value's letters lie side by side in the order of their ids.
 * Two more hold "topic NUL group NUL status NUL time NUL id" and "status NUL fingerprint NUL time NUL id", so that counting and
 * the oldest and newest of each cost a lookup instead of a walk.
 */
const LIBRARY = `
local all = KEYS[1]
local base = string.sub(all, 1, -4)
local function letter_of(id) return base .. 'letter:' .. id end
local function body_of(id) return base .. 'body:' .. id end
local function hash(key)
  local flat = redis.call('HGETALL', key)
  if #flat == 0 then return nil end
  local result = {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  return result
end
local function indexes(letter, id)
  local result = {}
  for _, field in ipairs({${INDEXED.map((field) => `'${field}'`).join(', ')}}) do
    if letter[field] then result[#result + 1] = {base .. 'by:' .. field, letter[field] .. '\\0' .. id} end
  end
  local time = string.format('%015d', tonumber(letter.at))
  result[#result + 1] = {base .. 'stock', table.concat({letter.topic, letter.group, letter.status, time, id}, '\\0')}
  result[#result + 1] = {base .. 'groups', table.concat({letter.status, letter.fingerprint, time, id}, '\\0')}
  return result
end
local function enter(letter, id)
  redis.call('ZADD', all, 0, id)
  for _, index in ipairs(indexes(letter, id)) do redis.call('ZADD', index[1], 0, index[2]) end
end
local function take_out(letter, id)
  for _, index in ipairs(indexes(letter, id)) do redis.call('ZREM', index[1], index[2]) end
end
local function given(id)
  local letter = redis.call('HMGET', letter_of(id), 'summary', 'status', 'updatedAt', 'replayCount', 'revision')
  letter[6] = id
  return letter
end
local open = base .. 'open'
local function place_of(letter) return table.concat({letter.topic, letter.group, letter.messageId}, '\\0') end
local function close(letter, id)
  local place = place_of(letter)
  if redis.call('HGET', open, place) == id then redis.call('HDEL', open, place) end
end
`;

/** ARGV: id, now, body, then names and values of the fields. Replies the id that the letter is kept under. */
export const ADD_LETTER = script(
  'add-letter',
  `${LIBRARY}
local letter = {}
for i = 4, #ARGV, 2 do letter[ARGV[i]] = ARGV[i + 1] end
local place = place_of(letter)
local id = redis.call('HGET', open, place) or ARGV[1]
local earlier = hash(letter_of(id))
if earlier then take_out(earlier, id) end
letter.status = 'failed'
letter.updatedAt = ARGV[2]
letter.replayCount = earlier and earlier.replayCount or '0'
letter.revision = string.format('%d', tonumber(earlier and earlier.revision or 0) + 1)
redis.call('DEL', letter_of(id))
for field, value in pairs(letter) do redis.call('HSET', letter_of(id), field, value) end
redis.call('SET', body_of(id), ARGV[3])
redis.call('HSET', open, place, id)
enter(letter, id)
return id`,
);

/** ARGV: id, now, new status, then the statuses that it may have. Replies the letter, as a walk does, when it was changed. */
export const CHANGE_LETTER = script(
  'change-letter',
  `${LIBRARY}
local id, now, to = ARGV[1], ARGV[2], ARGV[3]
local letter = hash(letter_of(id))
if not letter then return nil end
local allowed = false
for i = 4, #ARGV do
  if ARGV[i] == letter.status then allowed = true end
end
if not allowed then return nil end
take_out(letter, id)
letter.status = to
enter(letter, id)
redis.call('HSET', letter_of(id), 'status', to, 'updatedAt', now)
redis.call('HINCRBY', letter_of(id), 'revision', 1)
if to == 'replaying' then redis.call('HINCRBY', letter_of(id), 'replayCount', 1) end
if to == 'resolved' then close(letter, id) else redis.call('HSET', open, place_of(letter), id) end
return given(id)`,
);

/** ARGV: id. Replies 1 when there was one. */
export const DISCARD_LETTER = script(
  'discard-letter',
  `${LIBRARY}
local id = ARGV[1]
local letter = hash(letter_of(id))
if not letter then return 0 end
take_out(letter, id)
close(letter, id)
redis.call('ZREM', all, id)
redis.call('DEL', letter_of(id), body_of(id))
return 1`,
);

/** ARGV: id. Replies the fields and the body, or nothing. */
export const FIND_LETTER = script(
  'find-letter',
  `${LIBRARY}
return {redis.call('HGETALL', letter_of(ARGV[1])), redis.call('GET', body_of(ARGV[1]))}`,
);

/**
 * Walks ids in order and gives those of letters that meet the conditions, with their fields but not their headers.
 *
 * ARGV: index or empty for all, value, id to begin behind or empty, 1 for newest first, how many letters to give, how many to
 * look at, then conditions: field, one of "=", ">=" and "<", value.
 * Replies (last id looked at or empty at the end, how many met the conditions, letters).
 */
export const WALK_LETTERS = script(
  'walk-letters',
  `${LIBRARY}
local index, value, after, newest, want, looks = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])
local from, to = '-', '+'
local key = all
local start = 1
if index ~= '' then
  key = base .. 'by:' .. index
  from = '[' .. value .. '\\0'
  to = '(' .. value .. '\\1'
  start = #value + 2
end
if after ~= '' then
  local cursor = '(' .. (index ~= '' and (value .. '\\0') or '') .. after
  if newest then to = cursor else from = cursor end
end
local members
if newest then
  members = redis.call('ZREVRANGEBYLEX', key, to, from, 'LIMIT', 0, looks)
else
  members = redis.call('ZRANGEBYLEX', key, from, to, 'LIMIT', 0, looks)
end
local function holds(id)
  for i = 7, #ARGV, 3 do
    local found = redis.call('HGET', letter_of(id), ARGV[i])
    if not found then return false end
    local how = ARGV[i + 1]
    if how == '=' then
      if found ~= ARGV[i + 2] then return false end
    elseif how == '>=' then
      if tonumber(found) < tonumber(ARGV[i + 2]) then return false end
    elseif tonumber(found) >= tonumber(ARGV[i + 2]) then
      return false
    end
  end
  return true
end
local letters = {}
local met = 0
local last = ''
for nth, member in ipairs(members) do
  local id = string.sub(member, start)
  last = id
  if holds(id) then
    met = met + 1
    if want > 0 then
      letters[#letters + 1] = given(id)
      if #letters == want then return {nth == #members and #members < looks and '' or last, met, letters} end
    end
  end
end
if #members < looks then last = '' end
return {last, met, letters}`,
);

/** ARGV: pairs of index and value. Replies how many letters each has. Without any, how many there are. */
export const COUNT_LETTERS = script(
  'count-letters',
  `${LIBRARY}
if #ARGV == 0 then return {redis.call('ZCARD', all)} end
local counts = {}
for i = 1, #ARGV, 2 do
  counts[#counts + 1] = redis.call('ZLEXCOUNT', base .. 'by:' .. ARGV[i], '[' .. ARGV[i + 1] .. '\\0', '(' .. ARGV[i + 1] .. '\\1')
end
return counts`,
);

/**
 * Sums up a set whose members begin with some parts that make a group and end with a time and an id, by jumping from group to
 * group. ARGV: name of the set, how many parts, start of the members or empty, group to begin behind or empty, how many groups.
 * Replies a list of (parts as one text, count, oldest member, newest members).
 */
export const SUM_UP_LETTERS = script(
  'sum-up-letters',
  `${LIBRARY}
local set, parts, start, after, most = base .. ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local from = '-'
local to = '+'
if start ~= '' then
  from = '[' .. start .. '\\0'
  to = '(' .. start .. '\\1'
end
if after ~= '' then from = '(' .. after .. '\\1' end
local result = {}
while #result < most do
  local first = redis.call('ZRANGEBYLEX', set, from, to, 'LIMIT', 0, 1)[1]
  if not first then break end
  local at = 0
  for _ = 1, parts do at = string.find(first, '\\0', at + 1, true) end
  local name = string.sub(first, 1, at - 1)
  local low, high = '[' .. name .. '\\0', '(' .. name .. '\\1'
  result[#result + 1] = {
    name,
    redis.call('ZLEXCOUNT', set, low, high),
    first,
    redis.call('ZREVRANGEBYLEX', set, high, low, 'LIMIT', 0, 5),
  }
  from = '(' .. name .. '\\1'
end
return result`,
);
