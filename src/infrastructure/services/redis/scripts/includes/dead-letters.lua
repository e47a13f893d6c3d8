--[[
  Shared by all scripts of the dead-letter store.

  All keys have one hash tag, so that each script changes dead letters and indexes in one step, also in a cluster.

  KEYS[1] is the set of all ids; all other keys have the same start. An index is a sorted set of "value NUL id", all with the same
  score, which the server keeps in the order of the bytes: the dead letters of a value are adjacent, in the order of their ids.
  Two more hold "topic NUL group NUL status NUL time NUL id" and "status NUL fingerprint NUL time NUL id", so that counts, the
  oldest and the newest of each cost a lookup instead of a walk.
]]

-- dead-letter-hash.ts has the same list.
local INDEXED = {'status', 'topic', 'group', 'handler', 'reason', 'errorType', 'fingerprint', 'messageId', 'correlationId', 'key'}

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
  for _, field in ipairs(INDEXED) do
    if letter[field] then result[#result + 1] = {base .. 'by:' .. field, letter[field] .. '\0' .. id} end
  end
  local time = string.format('%015d', tonumber(letter.at))
  result[#result + 1] = {base .. 'stock', table.concat({letter.topic, letter.group, letter.status, time, id}, '\0')}
  result[#result + 1] = {base .. 'groups', table.concat({letter.status, letter.fingerprint, time, id}, '\0')}
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
local function place_of(letter) return table.concat({letter.topic, letter.group, letter.messageId}, '\0') end
local function close(letter, id)
  local place = place_of(letter)
  if redis.call('HGET', open, place) == id then redis.call('HDEL', open, place) end
end
