--[[
  Moves the due messages of a sorted set to the end of a stream. A member that is not a packed message becomes an entry with its
  bytes as the field "unreadable", which ends as a dead letter and does not hold up its neighbours.

  Output of move_due:
    milliseconds from `now` until the next is due; 0 when there is more to move, false when nothing waits.
]]

-- A bound, so that one script does not block the server for long.
local MOVE_BATCH_SIZE = 200

local function fields_of(member)
  local is_packed, item = pcall(cmsgpack.unpack, member)
  if not is_packed or type(item) ~= 'table' then return {'unreadable', member} end
  for part = 2, 4 do
    if type(item[part]) ~= 'string' then return {'unreadable', member} end
  end
  local fields = {'id', item[2], 'headers', item[3], 'body', item[4]}
  if type(item[5]) == 'string' then
    fields[7] = 'key'
    fields[8] = item[5]
  end
  if type(item[6]) == 'number' and item[6] > 1 then
    fields[#fields + 1] = 'attempt'
    fields[#fields + 1] = string.format('%.0f', item[6])
  end
  return fields
end

local function move_due(from, to, now)
  local members = redis.call('ZRANGEBYSCORE', from, '-inf', now, 'LIMIT', 0, MOVE_BATCH_SIZE)
  for _, member in ipairs(members) do
    redis.call('XADD', to, '*', unpack(fields_of(member)))
    redis.call('ZREM', from, member)
  end
  if #members == MOVE_BATCH_SIZE then return 0 end
  local first = redis.call('ZRANGE', from, 0, 0, 'WITHSCORES')
  if not first[2] then return false end
  local due = math.ceil(tonumber(first[2]) - now)
  -- A score of another client may be infinite.
  return math.max(1, math.min(due, 86400000))
end
