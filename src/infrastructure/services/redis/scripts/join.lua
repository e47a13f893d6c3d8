--[[
  Creates streams and groups where they are missing, and adds the consumer with a lease.

  The generation of a group is new when its observed state is missing: after a flush, what its consumers have in flight is pending
  with no other consumer, so that a consumer keeps its name then.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] consumers
    KEYS[4] observed state
    KEYS[5] entries that wait for their key
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] lease, in ms
    ARGV[4] generation that the consumer knows, or empty
    ARGV[5] name of the consumer in the generation that it knows
    ARGV[6] 1 to create what is missing
  Output:
    (name of the consumer, generation, state of the topic's stream, state of the group's stream); a state is 0 when the group was
    there, 1 when it was missing, 2 when its stream was missing as well. The first is empty when something is missing that must not
    be created.
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"

local group = ARGV[1]
local found = {0, 0}
for i = 1, 2 do
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[i])
  if groups.err then
    if not string.find(groups.err, 'no such key', 1, true) then return redis.error_reply(groups.err) end
    found[i] = 2
  else
    found[i] = 1
    for _, info in ipairs(groups) do
      for f = 1, #info, 2 do
        if info[f] == 'name' and info[f + 1] == group then found[i] = 0 end
      end
    end
  end
end
if ARGV[6] ~= '1' and found[1] + found[2] > 0 then return {'', '', found[1], found[2]} end
for i = 1, 2 do
  if found[i] > 0 then
    redis.call('XGROUP', 'CREATE', KEYS[i], group, '0', 'MKSTREAM')
    tolerant('HSET', KEYS[4], 'gap:' .. i, 0)
    -- The entries of this stream are unread again.
    for _, member in ipairs(tolerant('ZRANGE', KEYS[5], 0, -1) or {}) do
      if string.match(member, '([12]):%d+%-%d+$') == tostring(i) then redis.call('ZREM', KEYS[5], member) end
    end
  end
end
local generation = tolerant('HGET', KEYS[4], 'generation')
if not generation then
  local time = redis.call('TIME')
  generation = time[1] .. '.' .. time[2]
  -- The same for all where it cannot be stored.
  if not tolerant('HSET', KEYS[4], 'generation', generation, 'format', FORMATS.observed) then generation = 'unknown' end
end
local name = generation ~= ARGV[4] and ARGV[4] ~= '' and ARGV[5] or ARGV[2]
redis.call('ZADD', KEYS[3], server_now() + tonumber(ARGV[3]), name)
return {name, generation, found[1], found[2]}
