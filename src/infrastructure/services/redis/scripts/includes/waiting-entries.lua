--[[
  What waits behind its key: members of one sorted set, each key's beside each other in the order in which they came.

  One key of the server for all, because a cluster rejects a script while it moves some of the keys that the script names, and
  a script that names them too late stops halfway.
]]
local function place_of(key) return #key .. ':' .. key .. ':' end
local function wait_behind(room, key, entry)
  local place = place_of(key)
  local last = redis.call('ZREVRANGEBYLEX', room, '(' .. place .. ':', '[' .. place, 'LIMIT', 0, 1)[1]
  local nth = last and tonumber(string.sub(last, #place + 1, #place + 15)) + 1 or 1
  redis.call('ZADD', room, 0, place .. string.format('%015d', nth) .. entry)
end
local function next_of(room, key)
  local place = place_of(key)
  local first = redis.call('ZRANGEBYLEX', room, '[' .. place, '(' .. place .. ':', 'LIMIT', 0, 1)[1]
  if not first then return nil end
  redis.call('ZREM', room, first)
  return string.sub(first, #place + 16)
end
