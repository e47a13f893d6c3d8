--[[
  Removes a group with all its keys.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] sorted set of the group
    KEYS[4] consumers
    KEYS[5] crashes
    KEYS[6] locks
    KEYS[7] entries that wait for their key
    KEYS[8] observed state
    ARGV[1] group
  Output:
    -1 while a consumer of it runs, else how many streams had the group
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"

if (tolerant('ZCOUNT', KEYS[4], server_now(), '+inf') or 0) > 0 then return -1 end
local removed = redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
return type(removed) == 'number' and removed or 0
