--[[
  Creates streams and groups where they are missing, and adds the consumer with a lease.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] consumers
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] lease, in ms
  Output:
    how many of the two groups were created
]]
--- @include "includes/server-now.lua"

local created = 0
for i = 1, 2 do
  local reply = redis.pcall('XGROUP', 'CREATE', KEYS[i], ARGV[1], '0', 'MKSTREAM')
  if type(reply) == 'table' and reply.err then
    if string.sub(reply.err, 1, 9) ~= 'BUSYGROUP' and not string.find(reply.err, 'BUSYGROUP', 1, true) then return redis.error_reply(reply.err) end
  else
    created = created + 1
  end
end
redis.call('ZADD', KEYS[3], server_now() + tonumber(ARGV[3]), ARGV[2])
return created
