--[[
  Lists the pending entries of a consumer behind two ids.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] crashes
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] id in the stream of the topic, exclusive
    ARGV[4] id in the stream of the group, exclusive
    ARGV[5] how many entries of each stream
  Output:
    the entries, as in the tick, with false instead of the fields of one that no longer exists
]]

--- @include "includes/tolerant.lua"

local entries = {}
for stream = 1, 2 do
  local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[5], 'STREAMS', KEYS[stream], ARGV[2 + stream])
  for _, entry in ipairs(read and read[1] and read[1][2] or {}) do
    local crashes = tolerant('HGET', KEYS[3], stream .. ':' .. entry[1])
    entries[#entries + 1] = {stream, entry[1], entry[2] or false, tonumber(crashes) or 0}
  end
end
return entries
