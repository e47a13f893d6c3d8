--[[
  Heartbeat of a consumer: renews its lease, moves what is due, and takes over the entries of fenced consumers.

  A consumer is fenced, permanently, when another one sees that its lease has expired: its later settlements are dropped. Each of
  its entries is delivered to others once, as a further attempt. Returned entries are delivered without a further attempt.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] sorted set of the topic
    KEYS[3] stream of the group
    KEYS[4] sorted set of the group
    KEYS[5] consumers
    KEYS[6] crashes
    KEYS[7] locks
    KEYS[8] entries that wait for their key
    KEYS[9] observed state
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] lease, in ms
    ARGV[4] how many entries to take over
    ARGV[5], ARGV[6] how many due members of each sorted set to pass over
  Output:
    "fenced" when the consumer itself is, else (ms until the next is due or -1, entries, how many pending entries no longer exist,
    how many foreign members were removed, names of spoilt keys; how many due members of each sorted set the next heartbeat passes over; the highest format of
    pending and of due messages of a newer version, or 0), each entry as (1 for the topic's stream or 2 for the group's, id, fields, attempts used up by crashes)
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"
--- @include "includes/packed-message.lua"
--- @include "includes/move-due.lua"
--- @include "includes/waiting-entries.lua"
--- @include "includes/reserved-consumers.lua"
--- @include "includes/unlock-key.lua"
--- @include "includes/formats.lua"

-- The option leaseMs has the same limit.
local MAX_LEASE_MS = 600000
local FENCE_BATCH_SIZE = 500

local group, me, lease, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = server_now()
local mine = redis.call('ZSCORE', KEYS[5], me)
if not mine or tonumber(mine) < 0 then return 'fenced' end
redis.call('ZADD', KEYS[5], now + lease, me)

-- Looked at, so that a spoilt key is reported although nothing needs it now.
tolerant('HGET', KEYS[6], '')
tolerant('HEXISTS', KEYS[7], '')
tolerant('ZCARD', KEYS[8])
tolerant('HGET', KEYS[9], 'at')

local next_topic, pass_topic, newer_topic = move_due(KEYS[2], KEYS[1], now, tonumber(ARGV[5]))
local next_group, pass_group, newer_group = move_due(KEYS[4], KEYS[3], now, tonumber(ARGV[6]))
local newer_due, newer_pending = math.max(newer_topic, newer_group), 0
local due = -1
if next_topic then due = next_topic end
if next_group and (due < 0 or next_group < due) then due = next_group end

-- No lease ends so late: it is foreign, or the clock of the server was set back. A living consumer renews its own.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. (now + MAX_LEASE_MS), '+inf', 'LIMIT', 0, FENCE_BATCH_SIZE)) do
  if not is_newer_consumer(name) then redis.call('ZADD', KEYS[5], now + lease, name) end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(-1', now, 'LIMIT', 0, FENCE_BATCH_SIZE)) do
  if not is_newer_consumer(name) then redis.call('ZADD', KEYS[5], -1, name) end
end
local entries = {}
local streams = {KEYS[1], KEYS[3]}
local at = {streams = streams, locks = KEYS[7], waiting = KEYS[8]}
local locks_by_entry
-- The key of an entry that no longer exists is in the locks only.
local function locked_by(name)
  if not locks_by_entry then
    locks_by_entry = {}
    -- A user of an earlier version has no permission for it.
    local flat = redis.pcall('HGETALL', KEYS[7])
    for f = 1, #flat, 2 do locks_by_entry[string.match(flat[f + 1], ' ([12]:%d+%-%d+)$') or ''] = flat[f] end
  end
  return locks_by_entry[name]
end
local function take(index, id, fields)
  local field = index .. ':' .. id
  entries[#entries + 1] = {index, id, fields, tonumber(tolerant('HGET', KEYS[6], field)) or 0}
  room = room - 1
end
local function take_over(index, name, is_crash)
  local pending = redis.call('XPENDING', streams[index], group, '-', '+', room, name)
  for _, one in ipairs(pending) do
    local claimed = redis.call('XCLAIM', streams[index], group, me, 0, one[1])
    local entry = claimed[1]
    if entry and entry[2] then
      local field = index .. ':' .. entry[1]
      if is_crash then redis.pcall('HINCRBY', KEYS[6], field, 1) end
      for f = 1, #entry[2], 2 do
        if entry[2][f] == 'key' and tolerant('HEXISTS', KEYS[7], entry[2][f + 1]) == 1 then
          redis.call('HSET', KEYS[7], entry[2][f + 1], me .. ' ' .. field)
        end
      end
      take(index, entry[1], entry[2])
    else
      redis.call('XACK', streams[index], group, one[1])
      tolerant('HDEL', KEYS[6], index .. ':' .. one[1])
      removed = removed + 1
      local key = locked_by(index .. ':' .. one[1])
      local next = key and unlock(at, group, key, me)
      if next then take(unpack(next)) end
    end
  end
end
for index = 1, 2 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', streams[index], group)
  if consumers.err then return redis.error_reply('NOGROUP ' .. streams[index]) end
  for _, info in ipairs(consumers) do
    local about = {}
    for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
    if is_newer_consumer(about.name) then
      -- Left to processes that know it, also when its lease has expired.
      local aside = aside_format(about.name)
      if aside and about.pending > 0 then newer_pending = math.max(newer_pending, aside) end
    elseif about.name == RETURNED or aside_format(about.name) then
      if about.pending > 0 and room > 0 then take_over(index, about.name, false) end
    elseif about.name ~= WAITING and about.name ~= me then
      local score = tonumber(redis.call('ZSCORE', KEYS[5], about.name) or 0)
      if score == 0 and about.idle > lease then score = -1 end
      if score < 0 then
        if about.pending > 0 and room > 0 then take_over(index, about.name, true) end
        if #redis.call('XPENDING', streams[index], group, '-', '+', 1, about.name) == 0 then
          redis.call('XGROUP', 'DELCONSUMER', streams[index], group, about.name)
          tolerant('HDEL', KEYS[9], 'held:' .. index .. ':' .. about.name)
        end
      end
    end
  end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '(0', 'LIMIT', 0, FENCE_BATCH_SIZE)) do
  local left = 0
  for index = 1, 2 do left = left + #redis.call('XPENDING', streams[index], group, '-', '+', 1, name) end
  if left == 0 and not is_newer_consumer(name) then redis.call('ZREM', KEYS[5], name) end
end
return {due, entries, removed, discarded, spoilt, pass_topic, pass_group, newer_pending, newer_due}
