--[[
  Changes the status of a dead letter that has one of the given statuses.

  Input:
    KEYS[1] set of all ids
    ARGV[1] id
    ARGV[2] now, in ms
    ARGV[3] new status
    ARGV[4...] the statuses that it may have
  Output:
    the dead letter, as in a walk; nil when there is none or its status is another
]]
--- @include "includes/dead-letters.lua"

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
return given(id)
