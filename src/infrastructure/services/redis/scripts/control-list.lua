--[[
  Lists entries of the control store in the order of their keys.

  Input:
    KEYS[1] hash of the values
    ARGV[1] start of the range of keys, as ZRANGEBYLEX has it
    ARGV[2] end of the range
    ARGV[3] most entries
  Output:
    (entries; the last key that was read, or empty when there are no more; the highest format of a newer version whose entries were
    left out, or 0)
]]
--- @include "includes/control.lua"

local limit = tonumber(ARGV[3])
local members = redis.call('ZRANGEBYLEX', keys, ARGV[1], ARGV[2], 'LIMIT', 0, limit + 1)
local entries, highest = {}, 0
for nth = 1, math.min(limit, #members) do
  local entry, newer = entry_of(members[nth])
  if entry then entries[#entries + 1] = entry end
  highest = math.max(highest, newer or 0)
end
return {entries, #members > limit and members[limit] or '', highest}
