--[[
  Discards a dead letter with its body and indexes, unless it has changed meanwhile.

  Input:
    KEYS[1] set of all ids
    ARGV[1] id
    ARGV[2] revision that it must have; none for any
  Output:
    1 when there was one, else 0; (its format) when it is of a newer version and stays
]]
--- @include "includes/dead-letters.lua"

local id = ARGV[1]
local letter = hash(letter_of(id))
if not letter then return 0 end
if newer_letter(letter) then return {newer_letter(letter)} end
if ARGV[2] and letter.revision ~= ARGV[2] then return 0 end
take_out(letter, id)
close(letter, id)
account(id, -redis.call('ZREM', all, id), -size_in(letter.summary, letter.headers))
redis.call('DEL', letter_of(id), body_of(id))
return 1
