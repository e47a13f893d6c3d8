--[[
  Counts the bytes of the next dead letters, from where any process has left off.

  Input:
    KEYS[1] set of all ids
    ARGV[1] now, in ms
    ARGV[2] how many to examine
    ARGV[3] 1 to begin when none is under way
  Output:
    1 when all are counted, or none is under way; else 0
]]
--- @include "includes/dead-letters.lua"

local now, limit = ARGV[1], tonumber(ARGV[2])
local cursor = of_type('HGET', usage, 'cursor')
if not cursor then
  if ARGV[3] ~= '1' then return 1 end
  if cursor == nil then redis.call('DEL', usage) end
  cursor = ''
  redis.call('HSET', usage, 'cursor', cursor)
  redis.call('HSET', usage, 'partial', 0)
end
local ids = redis.call('ZRANGEBYLEX', all, cursor == '' and '-' or ('(' .. cursor), '+', 'LIMIT', 0, limit)
local bytes = number_in(redis.call('HGET', usage, 'partial'))
for _, id in ipairs(ids) do bytes = bytes + size_of(id) end
if #ids == limit then
  redis.call('HSET', usage, 'cursor', ids[#ids])
  redis.call('HSET', usage, 'partial', string.format('%.0f', bytes))
  return 0
end
redis.call('HSET', usage, 'bytes', string.format('%.0f', bytes))
redis.call('HSET', usage, 'count', redis.call('ZCARD', all))
redis.call('HSET', usage, 'countedAt', now)
redis.call('HDEL', usage, 'cursor', 'partial')
return 1
