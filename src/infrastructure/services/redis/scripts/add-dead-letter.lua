--[[
  Stores a dead letter, or replaces the open one of the same message and group, unless the store would hold too much then. One of
  a newer version is left beside it.

  Input:
    KEYS[1] set of all ids
    ARGV[1] id
    ARGV[2] now, in ms
    ARGV[3] body
    ARGV[4] most dead letters, or empty
    ARGV[5] most bytes, or empty
    ARGV[6...] names and values of the fields
  Output:
    (the id under which the dead letter is stored, or empty when there is no room, how many there are, their bytes)
]]
--- @include "includes/dead-letters.lua"

local letter = {}
for i = 6, #ARGV, 2 do letter[ARGV[i]] = ARGV[i + 1] end
local place = place_of(letter)
local id = redis.call('HGET', open, place) or ARGV[1]
local earlier = hash(letter_of(id))
local newer = newer_letter(earlier)
if newer then
  id = ARGV[1]
  earlier = nil
end
local size = size_in(letter.summary, letter.headers)
local before = earlier and size_in(earlier.summary, earlier.headers) or 0
local count, bytes = redis.call('ZCARD', all), number_in(of_type('HGET', usage, 'bytes'))
local max_count, max_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local is_full = not earlier and max_count and count >= max_count
-- One that becomes smaller is welcome, also after a limit was lowered.
if max_bytes and size > before and bytes - before + size > max_bytes then is_full = true end
if is_full then return {'', count, bytes} end
if earlier then take_out(earlier, id) end
letter.status = 'failed'
letter.updatedAt = ARGV[2]
letter.replayCount = earlier and tonumber(earlier.replayCount) and earlier.replayCount or '0'
letter.revision = string.format('%d', (tonumber(earlier and earlier.revision) or 0) + 1)
redis.call('DEL', letter_of(id))
for field, value in pairs(letter) do redis.call('HSET', letter_of(id), field, value) end
redis.call('SET', body_of(id), ARGV[3])
if not newer then redis.call('HSET', open, place, id) end
account(id, enter(letter, id), size - before)
return {id, count, bytes}
