--[[
  Lists the groups of a topic.

  Input:
    KEYS[1] stream of the topic
    ARGV[1] start of the keys of the groups
  Output:
    a list of (name, living consumers)
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"
--- @include "includes/group-states.lua"

local now = server_now()
local result = {}
for _, state in ipairs(states(KEYS[1])) do
  local living = tolerant('ZCOUNT', ARGV[1] .. state.name .. ':consumers', now, '+inf') or 0
  result[#result + 1] = {state.name, living}
end
return result
