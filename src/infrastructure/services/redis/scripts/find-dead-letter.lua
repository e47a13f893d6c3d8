--[[
  Reads one dead letter.

  Input:
    KEYS[1] set of all ids
    ARGV[1] id
  Output:
    (names and values of the fields, body), which are empty when there is none; (its format) when it is of a newer version
]]
--- @include "includes/dead-letters.lua"

local newer = newer_letter(hash(letter_of(ARGV[1])))
if newer then return {newer} end
return {of_type('HGETALL', letter_of(ARGV[1])) or {}, of_type('GET', body_of(ARGV[1])) or false}
