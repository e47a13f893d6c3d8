--[[
  Settles entries of one consumer in one step. Safe to repeat after a lost reply: an entry that is no longer pending is skipped.
  A lock holds the consumer and the entry of its key that are in flight.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] sorted set of the group
    KEYS[4] consumers
    KEYS[5] crashes
    KEYS[6] locks
    KEYS[7] entries that wait for their key
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] 1 to be given the entries that wait for the settled keys
    ARGV[4...] for each entry: 1 or 2 for its stream, id, key with "=" before it or empty, 1 where crashes were counted,
      delay in ms or empty for done, attempt of the retry, its headers
  Output:
    "fenced" when other consumers have taken over the entries of this one, else the unlocked entries, as in the tick
]]
--- @include "includes/server-now.lua"
--- @include "includes/waiting-entries.lua"
--- @include "includes/reserved-consumers.lua"

local group, me, wants = ARGV[1], ARGV[2], ARGV[3]
local score = redis.call('ZSCORE', KEYS[4], me)
if not score or tonumber(score) < 0 then return 'fenced' end
local time, now
local done = {{}, {}}
local keys = {}
for i = 4, #ARGV, 7 do
  local stream, id, key, crashed, delay = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if delay ~= '' then
    local found = redis.call('XRANGE', KEYS[stream], id, id)[1]
    if redis.call('XACK', KEYS[stream], group, id) == 1 and found then
      local fields = {}
      for f = 1, #found[2], 2 do fields[found[2][f]] = found[2][f + 1] end
      if not (fields.id and fields.headers and fields.body) then fields = {id = 'foreign-' .. id, body = cjson.encode(fields)} end
      local attempt = tonumber(ARGV[i + 5])
      if tonumber(delay) > 0 then
        if not time then
          time = redis.call('TIME')
          now = server_now()
        end
        local order = string.format('%012d%06d%06d', time[1], time[2], i)
        redis.call('ZADD', KEYS[3], now + tonumber(delay), cmsgpack.pack({order, fields.id, ARGV[i + 6], fields.body, fields.key or false, attempt}))
      else
        local entry = {'id', fields.id, 'headers', ARGV[i + 6], 'body', fields.body}
        if fields.key then
          entry[7] = 'key'
          entry[8] = fields.key
        end
        entry[#entry + 1] = 'attempt'
        entry[#entry + 1] = attempt
        redis.call('XADD', KEYS[2], '*', unpack(entry))
      end
    end
    if stream == 2 then redis.call('XDEL', KEYS[2], id) end
  else
    local ids = done[stream]
    ids[#ids + 1] = id
  end
  if crashed == '1' then redis.call('HDEL', KEYS[5], stream .. ':' .. id) end
  -- Not for a repetition after a lost reply, because the next entry of the key is in flight already.
  if key ~= '' and redis.call('HGET', KEYS[6], string.sub(key, 2)) == me .. ' ' .. stream .. ':' .. id then keys[#keys + 1] = string.sub(key, 2) end
end
if #done[1] > 0 then redis.call('XACK', KEYS[1], group, unpack(done[1])) end
if #done[2] > 0 then
  redis.call('XACK', KEYS[2], group, unpack(done[2]))
  redis.call('XDEL', KEYS[2], unpack(done[2]))
end
local entries = {}
local function unlock(key)
  while true do
    local next = next_of(KEYS[7], key)
    if not next then
      redis.call('HDEL', KEYS[6], key)
      return
    end
    local stream, id = tonumber(string.sub(next, 1, 1)), string.sub(next, 3)
    local to = wants == '1' and me or RETURNED
    local claimed = redis.call('XCLAIM', KEYS[stream], group, to, 0, id)[1]
    if claimed and claimed[2] then
      redis.call('HSET', KEYS[6], key, to .. ' ' .. next)
      if wants == '1' then
        entries[#entries + 1] = {stream, id, claimed[2], tonumber(redis.call('HGET', KEYS[5], stream .. ':' .. id) or 0)}
      end
      return
    end
  end
end
for _, key in ipairs(keys) do unlock(key) end
return entries
