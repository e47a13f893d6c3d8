--[[
  Reads in the order of keys: an entry whose key is in flight is set aside, the others are delivered.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] consumers
    KEYS[4] locks
    KEYS[5] entries that wait for their key
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] how many entries to deliver
    ARGV[4] how many to examine
  Output:
    "fenced", or (1 when there may be more, last id that the group has read of each stream, entries,
    how many foreign members were removed)
]]
--- @include "includes/waiting-entries.lua"
--- @include "includes/reserved-consumers.lua"

local group, me, room, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local score = redis.call('ZSCORE', KEYS[3], me)
if not score or tonumber(score) < 0 then return 'fenced' end
-- Before anything is read, because without these there is no order to keep.
redis.call('HEXISTS', KEYS[4], '')
redis.call('ZCARD', KEYS[5])
local entries = {}
local more = 0
for stream = 2, 1, -1 do
  while room > 0 and limit > 0 do
    local count = math.min(room, limit)
    local read = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', count, 'STREAMS', KEYS[stream], '>')
    local found = read and read[1] and read[1][2] or {}
    limit = limit - #found
    for _, entry in ipairs(found) do
      local key
      for f = 1, #entry[2], 2 do
        if entry[2][f] == 'key' then key = entry[2][f + 1] end
      end
      if key and redis.call('HEXISTS', KEYS[4], key) == 1 then
        wait_behind(KEYS[5], key, stream .. ':' .. entry[1])
        redis.call('XCLAIM', KEYS[stream], group, WAITING, 0, entry[1], 'JUSTID')
      else
        if key then redis.call('HSET', KEYS[4], key, me .. ' ' .. stream .. ':' .. entry[1]) end
        entries[#entries + 1] = {stream, entry[1], entry[2], 0}
        room = room - 1
      end
    end
    if #found < count then break end
    if limit <= 0 or room <= 0 then more = 1 end
  end
end
local last = {}
if #entries == 0 then
  for stream = 1, 2 do
    for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[stream])) do
      local about = {}
      for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
      if about.name == group then last[stream] = about['last-delivered-id'] end
    end
  end
end
return {more, last[1] or '', last[2] or '', entries, discarded}
