--[[
  Moves the due messages of a sorted set to the end of a stream.

  Output of move_due:
    milliseconds from `now` until the next is due; 0 when there is more to move, false when nothing waits.
]]

-- A bound, so that one script does not block the server for long.
local MOVE_BATCH_SIZE = 200

local function move_due(from, to, now)
  local members = redis.call('ZRANGEBYSCORE', from, '-inf', now, 'LIMIT', 0, MOVE_BATCH_SIZE)
  for _, member in ipairs(members) do
    local item = cmsgpack.unpack(member)
    local fields = {'id', item[2], 'headers', item[3], 'body', item[4]}
    if item[5] then
      fields[7] = 'key'
      fields[8] = item[5]
    end
    if item[6] > 1 then
      fields[#fields + 1] = 'attempt'
      fields[#fields + 1] = item[6]
    end
    redis.call('XADD', to, '*', unpack(fields))
    redis.call('ZREM', from, member)
  end
  if #members == MOVE_BATCH_SIZE then return 0 end
  local first = redis.call('ZRANGE', from, 0, 0, 'WITHSCORES')
  if not first[2] then return false end
  return math.max(1, math.ceil(tonumber(first[2]) - now))
end
