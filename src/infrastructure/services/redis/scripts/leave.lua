--[[
  Returns the pending entries of a consumer to the group, without counting an attempt, and removes the consumer.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] consumers
    KEYS[4] observed state
    ARGV[1] group
    ARGV[2] consumer
  Output:
    (1 when there is more to return, else 0; how many pending entries no longer exist)
]]
--- @include "includes/reserved-consumers.lua"

local RETURN_BATCH_SIZE = 500
local removed = 0

for i = 1, 2 do
  local pending = redis.pcall('XPENDING', KEYS[i], ARGV[1], '-', '+', RETURN_BATCH_SIZE, ARGV[2])
  if not pending.err then
    for _, one in ipairs(pending) do
      -- Servers before version 7 claim an entry that no longer exists; taking it over counts it then.
      if #redis.call('XCLAIM', KEYS[i], ARGV[1], RETURNED, 0, one[1], 'JUSTID') == 0 then removed = removed + 1 end
    end
    if #pending == RETURN_BATCH_SIZE then return {1, removed} end
    redis.call('XGROUP', 'DELCONSUMER', KEYS[i], ARGV[1], ARGV[2])
    redis.call('HDEL', KEYS[4], 'held:' .. i .. ':' .. ARGV[2])
  end
end
redis.call('ZREM', KEYS[3], ARGV[2])
return {0, removed}
