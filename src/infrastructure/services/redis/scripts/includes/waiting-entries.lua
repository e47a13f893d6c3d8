--[[
  Entries that wait for their key: members of one sorted set, those of a key adjacent in the order of their arrival.

  One Redis key for all, because a cluster rejects a script while it migrates some of its keys, and a script with undeclared keys
  would stop halfway. A member of another client is removed where it is met, and counted in `discarded`: it holds no message.
]]
local discarded = 0
local function place_of(key) return #key .. ':' .. key .. ':' end
-- The number of a member of this place, and its entry.
local function arrival_of(member, place)
  local nth, entry = string.match(string.sub(member, #place + 1), '^(%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d)([12]:%d+%-%d+)$')
  return tonumber(nth), entry
end
local function discard(room, member)
  redis.call('ZREM', room, member)
  discarded = discarded + 1
end
local function wait_behind(room, key, entry)
  local place = place_of(key)
  local last
  repeat
    local member = redis.call('ZREVRANGEBYLEX', room, '(' .. place .. ':', '[' .. place, 'LIMIT', 0, 1)[1]
    last = member and arrival_of(member, place)
    if member and not last then discard(room, member) end
  until last or not member
  redis.call('ZADD', room, 0, place .. string.format('%015d', (last or 0) + 1) .. entry)
end
local function next_of(room, key)
  local place = place_of(key)
  while true do
    local first = redis.call('ZRANGEBYLEX', room, '[' .. place, '(' .. place .. ':', 'LIMIT', 0, 1)[1]
    if not first then return nil end
    local nth, entry = arrival_of(first, place)
    if nth then
      redis.call('ZREM', room, first)
      return entry
    end
    discard(room, first)
  end
end
