--[[
  Stores a dead letter, or replaces the open one of the same message and group. One of a newer version is left beside it.

  Input:
    KEYS[1] set of all ids
    ARGV[1] id
    ARGV[2] now, in ms
    ARGV[3] body
    ARGV[4...] names and values of the fields
  Output:
    the id under which the dead letter is stored
]]
--- @include "includes/dead-letters.lua"

local letter = {}
for i = 4, #ARGV, 2 do letter[ARGV[i]] = ARGV[i + 1] end
local place = place_of(letter)
local id = redis.call('HGET', open, place) or ARGV[1]
local earlier = hash(letter_of(id))
local newer = newer_letter(earlier)
if newer then
  id = ARGV[1]
  earlier = nil
end
if earlier then take_out(earlier, id) end
letter.status = 'failed'
letter.updatedAt = ARGV[2]
letter.replayCount = earlier and tonumber(earlier.replayCount) and earlier.replayCount or '0'
letter.revision = string.format('%d', (tonumber(earlier and earlier.revision) or 0) + 1)
redis.call('DEL', letter_of(id))
for field, value in pairs(letter) do redis.call('HSET', letter_of(id), field, value) end
redis.call('SET', body_of(id), ARGV[3])
if not newer then redis.call('HSET', open, place, id) end
enter(letter, id)
return id
