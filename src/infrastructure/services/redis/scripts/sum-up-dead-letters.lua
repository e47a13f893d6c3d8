--[[
  Sums up a set whose members begin with the parts that name a group and end with a time and an id, with one lookup for each
  group.

  Input:
    KEYS[1] set of all ids
    ARGV[1] name of the set
    ARGV[2] number of parts that name a group
    ARGV[3] start of the members, or empty
    ARGV[4] group to start after, or empty
    ARGV[5] how many groups to return
  Output:
    a list of (parts as one text, count, oldest member, newest members)
]]
--- @include "includes/dead-letters.lua"

local set, parts, start, after, most = base .. ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local from = '-'
local to = '+'
if start ~= '' then
  from = '[' .. start .. '\0'
  to = '(' .. start .. '\1'
end
if after ~= '' then from = '(' .. after .. '\1' end
tidy(set)
local result = {}
while #result < most do
  local first = redis.call('ZRANGEBYLEX', set, from, to, 'LIMIT', 0, 1)[1]
  if not first then break end
  local at = 0
  for _ = 1, parts do at = at and string.find(first, '\0', at + 1, true) end
  -- A foreign member names no group: it is removed.
  if not at then
    redis.call('ZREM', set, first)
  else
    local name = string.sub(first, 1, at - 1)
    local low, high = '[' .. name .. '\0', '(' .. name .. '\1'
    result[#result + 1] = {
      name,
      redis.call('ZLEXCOUNT', set, low, high),
      first,
      redis.call('ZREVRANGEBYLEX', set, high, low, 'LIMIT', 0, 5),
    }
    from = '(' .. name .. '\1'
  end
end
return result
