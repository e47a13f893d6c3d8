--[[
  Moves the due messages of a sorted set to the end of a stream. A member that is not a packed message becomes an entry with its
  bytes as the field "unreadable", which ends as a dead letter and does not hold up its neighbours. Needs tolerant.lua and
  packed-message.lua.

  Output of move_due:
    milliseconds from `now` until the next is due; 0 when there is more to move, false when nothing waits or a key is spoilt.
]]

-- Bounds, so that one script does not block the server for long.
local MOVE_BATCH_SIZE = 20
local MAX_MOVED = 200
local MAX_MOVED_BYTES = 4194304

local function fields_of(member)
  local id, headers, body, key, attempt = unpack_message(member)
  if not id then return {'unreadable', member} end
  local fields = {'id', id, 'headers', headers, 'body', body}
  if key then
    fields[7] = 'key'
    fields[8] = key
  end
  if attempt > 1 then
    fields[#fields + 1] = 'attempt'
    fields[#fields + 1] = string.format('%.0f', attempt)
  end
  return fields
end

local function move_due(from, to, now)
  local moved, bytes = 0, 0
  while moved < MAX_MOVED and bytes < MAX_MOVED_BYTES do
    local members = tolerant('ZRANGEBYSCORE', from, '-inf', now, 'LIMIT', 0, MOVE_BATCH_SIZE)
    if not members then return false end
    for _, member in ipairs(members) do
      if not tolerant('XADD', to, '*', unpack(fields_of(member))) then return false end
      redis.call('ZREM', from, member)
      moved = moved + 1
      bytes = bytes + #member
    end
    if #members < MOVE_BATCH_SIZE then
      local first = redis.call('ZRANGE', from, 0, 0, 'WITHSCORES')
      if not first[2] then return false end
      local due = math.ceil(tonumber(first[2]) - now)
      -- A score of another client may be infinite.
      return math.max(1, math.min(due, 86400000))
    end
  end
  return 0
end
