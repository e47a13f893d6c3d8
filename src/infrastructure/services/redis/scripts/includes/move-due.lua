--[[
  Moves the due messages of a sorted set to the end of a stream. A member that is not a packed message becomes an entry with its
  bytes as the field "unreadable", which ends as a dead letter and does not hold up its neighbours. Needs tolerant.lua and
  packed-message.lua.

  Members of a newer version stay where they are. They are at the head once they are due, so the next call looks behind those that
  this one has seen, until it reaches the end.

  Input of move_due:
    both keys, the time, and how many due members to pass over
  Output of move_due:
    milliseconds from `now` until the next is due; 0 when there is more to move, false when nothing waits or a key is spoilt; how many
    the next call has to pass over; the highest format of a newer version that was seen, or 0
]]

-- Bounds, so that one script does not block the server for long.
local MOVE_BATCH_SIZE = 20
local MAX_MOVED = 200
local MAX_MOVED_BYTES = 4194304
local MAX_PASSED = 1000
local LOOK_AGAIN_MS = 1000

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
  if attempt > 1 or FORMATS.message > 1 then
    fields[#fields + 1] = 'x-swy-format'
    fields[#fields + 1] = string.format('%d', FORMATS.message)
  end
  return fields
end

local function move_due(from, to, now, pass)
  local moved, bytes, passed, newer = 0, 0, 0, 0
  while moved < MAX_MOVED and bytes < MAX_MOVED_BYTES and passed < MAX_PASSED do
    local members = tolerant('ZRANGEBYSCORE', from, '-inf', now, 'LIMIT', pass + passed, MOVE_BATCH_SIZE)
    if not members then return false, 0, newer end
    for _, member in ipairs(members) do
      local format = newer_format(member)
      if format then
        newer = math.max(newer, format)
        passed = passed + 1
      else
        if not tolerant('XADD', to, '*', unpack(fields_of(member))) then return false, 0, newer end
        redis.call('ZREM', from, member)
        moved = moved + 1
      end
      bytes = bytes + #member
    end
    if #members < MOVE_BATCH_SIZE then
      local first = redis.call('ZRANGEBYSCORE', from, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      if not first[2] then return false, 0, newer end
      local due = math.ceil(tonumber(first[2]) - now)
      -- A score of another client may be infinite.
      return math.max(1, math.min(due, 86400000)), 0, newer
    end
  end
  return moved > 0 and 0 or LOOK_AGAIN_MS, pass + passed, newer
end
