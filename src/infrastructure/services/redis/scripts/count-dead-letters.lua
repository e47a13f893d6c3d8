--[[
  Counts dead letters by index, or all of them.

  Input:
    KEYS[1] set of all ids
    ARGV[1...] pairs of index and value; none for all
  Output:
    the count of each pair, or a list of the one count of all
]]
--- @include "includes/dead-letters.lua"

if #ARGV == 0 then return {redis.call('ZCARD', all)} end
local counts = {}
for i = 1, #ARGV, 2 do
  tidy(base .. 'by:' .. ARGV[i])
  counts[#counts + 1] = redis.call('ZLEXCOUNT', base .. 'by:' .. ARGV[i], '[' .. ARGV[i + 1] .. '\0', '(' .. ARGV[i + 1] .. '\1')
end
return counts
