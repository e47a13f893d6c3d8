--[[
  Hands entries of a newer version back: they become pending with a consumer without a process, from which a process of that version
  takes them over as the same attempt. With order by key their keys stay locked.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] locks
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3...] for each entry: 1 or 2 for its stream, id, locked key with "=" before it or empty, number of its format
  Output:
    1
]]
--- @include "includes/tolerant.lua"

local group, me = ARGV[1], ARGV[2]
for i = 3, #ARGV, 4 do
  local stream, id, key, aside = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], '~format-' .. ARGV[i + 3]
  local pending = redis.pcall('XPENDING', KEYS[stream], group, id, id, 1)
  if not pending.err and pending[1] and pending[1][2] == me then
    redis.call('XCLAIM', KEYS[stream], group, aside, 0, id, 'JUSTID')
    local name = ' ' .. ARGV[i] .. ':' .. id
    if key ~= '' and tolerant('HGET', KEYS[3], string.sub(key, 2)) == me .. name then
      redis.call('HSET', KEYS[3], string.sub(key, 2), aside .. name)
    end
  end
end
return 1
