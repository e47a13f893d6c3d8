--[[
  Entries that wait for their key: members of one sorted set, those of a key adjacent in the order of their arrival.

  One Redis key for all, because a cluster rejects a script while it migrates some of its keys, and a script with undeclared keys
  would stop halfway.
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
