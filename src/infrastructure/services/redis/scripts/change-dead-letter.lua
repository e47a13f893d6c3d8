--[[
  Changes the status of a dead letter that has one of the given statuses.

  Input:
    KEYS[1] set of all ids
    ARGV[1] id
    ARGV[2] now, in ms
    ARGV[3] new status
    ARGV[4...] the statuses that it may have
  Output:
    the dead letter, as in a walk; nil when there is none or its status is another; its format when it is of a newer version
]]
--- @include "includes/dead-letters.lua"

local id, now, to = ARGV[1], ARGV[2], ARGV[3]
local letter = hash(letter_of(id))
if not letter then return nil end
if newer_letter(letter) then return newer_letter(letter) end
local allowed = false
for i = 4, #ARGV do
  if ARGV[i] == letter.status then allowed = true end
end
if not allowed then return nil end
local function count_up(of, key, field)
  redis.call('HSET', letter_of(key), field, string.format('%d', (tonumber(of[field]) or 0) + 1))
end
take_out(letter, id)
letter.status = to
-- Its id was there before, unless another client has removed it.
if enter(letter, id) == 1 then account(id, 1, size_of(id)) end
redis.call('HSET', letter_of(id), 'status', to, 'updatedAt', now)
count_up(letter, id, 'revision')
if to == 'replaying' then count_up(letter, id, 'replayCount') end
if to == 'resolved' then
  close(letter, id)
elseif not newer_letter(hash(letter_of(redis.call('HGET', open, place_of(letter)) or ''))) then
  redis.call('HSET', open, place_of(letter), id)
end
return (given(id))
