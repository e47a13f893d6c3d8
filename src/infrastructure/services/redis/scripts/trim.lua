--[[
  Removes the entries of a topic's stream that every group has settled, and old entries of a topic without groups.

  Input:
    KEYS[1] stream of the topic
    ARGV[1] retention in ms for a stream without groups
  Output:
    (removed, 1 when there may be more, else 0)
]]
--- @include "includes/server-now.lua"
--- @include "includes/group-states.lua"
--- @include "includes/entry-ids.lua"

-- Removing a node of a hundred entries takes microseconds.
local TRIM_BATCH_SIZE = 100000

local keep
for _, state in ipairs(states(KEYS[1])) do
  local from = state.oldest or state.read
  if not keep or before(from, keep) then keep = from end
end
if not keep then keep = string.format('%.0f-0', server_now() - tonumber(ARGV[1])) end
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', keep, 'LIMIT', TRIM_BATCH_SIZE)
return {removed, removed >= TRIM_BATCH_SIZE and 1 or 0}
