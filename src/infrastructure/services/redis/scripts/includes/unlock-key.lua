--[[
  Passes the lock of a key on to the next entry that waits for it. Needs waiting-entries.lua and reserved-consumers.lua.

  Input of unlock:
    at: {streams = both streams, locks, waiting}, group, the key, the consumer that gets the entry
  Output of unlock:
    (index of the stream, id, fields) of that entry, or nil when none waits
  Counts in `removed` the entries that waited and no longer exist, because another client has removed them.
]]

local removed = 0
local function unlock(at, group, key, to)
  while true do
    local next = next_of(at.waiting, key)
    if not next then
      redis.call('HDEL', at.locks, key)
      return nil
    end
    local stream, id = string.match(next, '^([12]):(%d+%-%d+)$')
    stream = tonumber(stream)
    local claimed = redis.pcall('XCLAIM', at.streams[stream], group, to, 0, id)
    if not claimed.err and not (claimed[1] and claimed[1][2]) and redis.call('XRANGE', at.streams[stream], id, id)[1] then
      -- Another client has removed WAITING from the group, but not the entry.
      claimed = redis.call('XCLAIM', at.streams[stream], group, to, 0, id, 'FORCE')
    end
    if claimed[1] and claimed[1][2] then
      redis.call('HSET', at.locks, key, to .. ' ' .. next)
      return {stream, id, claimed[1][2]}
    end
    -- Without a group its entries are unread again.
    if not claimed.err then
      redis.call('XACK', at.streams[stream], group, id)
      removed = removed + 1
    end
  end
end
