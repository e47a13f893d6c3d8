--[[
  Claims a message, so that it is handled once. A repetition whose first reply was lost finds its own token and is fresh as well.

  Input:
    KEYS[1] claim of the message
    ARGV[1] token of the handler run
    ARGV[2] lease, in ms
  Output:
    "fresh", "done", or the ms that a foreign lease still runs
]]

-- What stands for a handled message; a token cannot look like it.
local DONE = 'done'

local holder = redis.call('GET', KEYS[1])
if holder == DONE then return DONE end
if holder and holder ~= ARGV[1] then return redis.call('PTTL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'fresh'
