--[[
  Shared by all scripts of the dead-letter store.

  All keys have one hash tag, so that each script changes dead letters and indexes in one step, also in a cluster.

  KEYS[1] is the set of all ids; all other keys have the same start. An index is a sorted set of "value NUL id", all with the same
  score, which the server keeps in the order of the bytes: the dead letters of a value are adjacent, in the order of their ids.
  Two more hold "topic NUL group NUL status NUL time NUL id" and "status NUL fingerprint NUL time NUL id", so that counts, the
  oldest and the newest of each cost a lookup instead of a walk.

  A hash holds how many dead letters were counted and their bytes. A script that does not know it, of an earlier version, and
  another client change dead letters without it: its count differs from that of the ids then, and they are counted again, from the
  lowest id on, a part at a time. Meanwhile changes at or before `cursor` change the bytes counted again as well.
]]

-- dead-letter-hash.ts has the same list.
local INDEXED = {'status', 'topic', 'group', 'handler', 'reason', 'errorType', 'fingerprint', 'messageId', 'correlationId', 'key'}

local all = KEYS[1]
local base = string.sub(all, 1, -4)
local function letter_of(id) return base .. 'letter:' .. id end
local function body_of(id) return base .. 'body:' .. id end
-- Reply, or nil when the key is of another type: a foreign one costs only what it holds.
local function of_type(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then return redis.call(command, key, ...) end
  return nil
end
local function hash(key)
  local flat = of_type('HGETALL', key)
  if not flat or #flat == 0 then return nil end
  local result = {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  -- What the indexes need, where another client has removed it.
  for _, field in ipairs({'topic', 'group', 'status', 'fingerprint', 'messageId'}) do result[field] = result[field] or '' end
  local at = tonumber(result.at)
  if not at or at ~= at or at < 0 or at > 999999999999999 then result.at = '0' end
  return result
end
-- All members have the score 0: one of another client with another score would hide the rest from lookups in the order of the bytes.
local function tidy(key)
  for _, range in ipairs({{'-inf', '(0'}, {'(0', '+inf'}}) do
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, range[1], range[2], 'LIMIT', 0, 500)) do redis.call('ZREM', key, member) end
  end
end
local function indexes(letter, id)
  local result = {}
  for _, field in ipairs(INDEXED) do
    if letter[field] then result[#result + 1] = {base .. 'by:' .. field, letter[field] .. '\0' .. id} end
  end
  local time = string.format('%015d', tonumber(letter.at))
  result[#result + 1] = {base .. 'stock', table.concat({letter.topic, letter.group, letter.status, time, id}, '\0')}
  result[#result + 1] = {base .. 'groups', table.concat({letter.status, letter.fingerprint, time, id}, '\0')}
  return result
end
local function number_in(text) return tonumber(text) or 0 end
-- The sizes of its texts, as storedBytesOf in dead-letter-filter.ts has it. The summary ends with the size of the body.
local function size_in(summary, headers)
  local body = summary and string.match(summary, '"bodyBytes":(%d+)}$')
  return #(summary or '') + #(headers or '') + number_in(body)
end
local function size_of(id)
  local texts = of_type('HMGET', letter_of(id), 'summary', 'headers')
  return texts and size_in(texts[1], texts[2]) or 0
end
local usage = base .. 'usage'
-- As the server compares members of a set; Lua compares by the locale.
local function is_after(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
local function raise(field, by)
  local reply = redis.pcall('HINCRBY', usage, field, by)
  -- A foreign key or value: they are counted again.
  if type(reply) == 'table' and reply.err then redis.call('DEL', usage) end
end
local function account(id, letters, bytes)
  local cursor = of_type('HGET', usage, 'cursor')
  raise('count', letters)
  raise('bytes', bytes)
  if cursor and not is_after(id, cursor) then raise('partial', bytes) end
end
local function enter(letter, id)
  local added = redis.call('ZADD', all, 0, id)
  for _, index in ipairs(indexes(letter, id)) do redis.call('ZADD', index[1], 0, index[2]) end
  return added
end
local function take_out(letter, id)
  for _, index in ipairs(indexes(letter, id)) do redis.call('ZREM', index[1], index[2]) end
end
-- Its format, when it is of a newer version: it is neither shown nor changed.
local function newer_letter(letter)
  local format = letter and tonumber(letter.format)
  return format and format > FORMATS.deadLetter and format <= 1000 and format or nil
end
local function given(id)
  local letter = of_type('HMGET', letter_of(id), 'summary', 'status', 'updatedAt', 'replayCount', 'revision', 'format')
  -- Without one there is nothing to show.
  if not letter or not letter[1] or not letter[2] then return nil end
  local format = newer_letter({format = letter[6]})
  if format then return nil, format end
  letter[6] = id
  return letter
end
local open = base .. 'open'
local function place_of(letter) return table.concat({letter.topic, letter.group, letter.messageId}, '\0') end
local function close(letter, id)
  local place = place_of(letter)
  if redis.call('HGET', open, place) == id then redis.call('HDEL', open, place) end
end
