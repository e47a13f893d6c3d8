--[[
  Reads how many dead letters there are and their bytes.

  Input:
    KEYS[1] set of all ids
  Output:
    (count, bytes, 1 when every change since was counted, when they were counted again, in ms, or 0)
]]
--- @include "includes/dead-letters.lua"

tidy(all)
local count = redis.call('ZCARD', all)
local known = of_type('HMGET', usage, 'count', 'bytes', 'countedAt') or {}
return {count, number_in(known[2]), number_in(known[1]) == count and 1 or 0, number_in(known[3])}
