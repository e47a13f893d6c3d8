--[[
  Settles entries of one consumer in one step. Safe to repeat after a lost reply: acknowledgements are idempotent, and a batch with
  retries is executed once by its number. A lock holds the consumer and the entry of its key that are in flight.

  A retry is written from what the consumer sends, because another client may have removed the entry. An entry that is unread
  again, because its group was recreated, is not written twice.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] sorted set of the group
    KEYS[4] consumers
    KEYS[5] crashes
    KEYS[6] locks
    KEYS[7] entries that wait for their key
    KEYS[8] last batch of the consumer
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] 1 to be given the entries that wait for the settled keys
    ARGV[4] number of the batch; empty without retries
    ARGV[5...] for each entry: 1 or 2 for its stream, id, locked key with "=" before it or empty, 1 where crashes were counted,
      empty for done or the delay in ms; behind a delay: attempt, message id, headers, body, key with "=" before it or empty
  Output:
    "fenced" when other consumers have taken over the entries of this one, else (the unlocked entries, as in the tick;
    pairs of position from 1 and error of each retry that was not written; how many waiting entries no longer exist; how many
    retries were written whose entry was not pending any more; how many foreign members were removed)
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"
--- @include "includes/waiting-entries.lua"
--- @include "includes/reserved-consumers.lua"
--- @include "includes/unlock-key.lua"

local group, me, wants, number = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local score = redis.call('ZSCORE', KEYS[4], me)
if not score or tonumber(score) < 0 then return 'fenced' end
if number ~= '' and tolerant('HGET', KEYS[8], 'number') == number then
  local is_read, before_failures = pcall(cmsgpack.unpack, redis.call('HGET', KEYS[8], 'failures') or '')
  return {{}, is_read and type(before_failures) == 'table' and before_failures or {}, 0, 0, 0}
end
local time, now
local done = {{}, {}}
local keys = {}
local failures = {}
local rewritten = 0

-- Settled, unless the entry is unread: then it is delivered again by itself.
local function is_pending(stream, id)
  local pending = redis.pcall('XPENDING', KEYS[stream], group, id, id, 1)
  return not pending.err and #pending > 0
end
local function is_unread(stream, id)
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[stream])
  if groups.err then return false end
  local ms, nth = string.match(id, '^(%d+)-(%d+)$')
  for _, info in ipairs(groups) do
    local about = {}
    for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
    if about.name == group then
      local read_ms, read_nth = string.match(about['last-delivered-id'], '^(%d+)-(%d+)$')
      local is_behind = tonumber(ms) > tonumber(read_ms) or (ms == read_ms and tonumber(nth) > tonumber(read_nth))
      return is_behind and redis.call('XRANGE', KEYS[stream], id, id)[1] ~= nil
    end
  end
  return false
end
local function write(at, delay)
  local attempt, id, headers, body, key = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  if tonumber(delay) > 0 then
    if not time then
      time = redis.call('TIME')
      now = server_now()
    end
    local order = string.format('%012d%06d%06d', time[1], time[2], at)
    local member = cmsgpack.pack({FORMATS.delayed, order, id, headers, body, key ~= '' and string.sub(key, 2), attempt})
    return redis.pcall('ZADD', KEYS[3], now + tonumber(delay), member)
  end
  local entry = {'id', id, 'headers', headers, 'body', body}
  if key ~= '' then
    entry[7] = 'key'
    entry[8] = string.sub(key, 2)
  end
  entry[#entry + 1] = 'attempt'
  entry[#entry + 1] = attempt
  entry[#entry + 1] = 'x-swy-format'
  entry[#entry + 1] = FORMATS.message
  return redis.pcall('XADD', KEYS[2], '*', unpack(entry))
end

local position = 0
local i = 5
while i <= #ARGV do
  position = position + 1
  local stream, id, key, crashed, delay = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local is_settled = true
  if delay == '' then
    local ids = done[stream]
    ids[#ids + 1] = id
  else
    local pending = is_pending(stream, id)
    if pending or stream == 2 or not is_unread(stream, id) then
      local reply = write(i + 5, delay)
      if type(reply) == 'table' and reply.err then
        is_settled = false
        failures[#failures + 1] = position
        failures[#failures + 1] = reply.err
      else
        redis.call('XACK', KEYS[stream], group, id)
        if stream == 2 then redis.call('XDEL', KEYS[2], id) end
        if not pending then rewritten = rewritten + 1 end
      end
    end
    i = i + 5
  end
  if is_settled then
    if crashed == '1' then tolerant('HDEL', KEYS[5], stream .. ':' .. id) end
    -- Not for a repetition after a lost reply, because the next entry of the key is in flight already.
    if key ~= '' and tolerant('HGET', KEYS[6], string.sub(key, 2)) == me .. ' ' .. stream .. ':' .. id then keys[#keys + 1] = string.sub(key, 2) end
  end
  i = i + 5
end
if #done[1] > 0 then redis.call('XACK', KEYS[1], group, unpack(done[1])) end
if #done[2] > 0 then
  redis.call('XACK', KEYS[2], group, unpack(done[2]))
  redis.call('XDEL', KEYS[2], unpack(done[2]))
end
if number ~= '' then
  if tolerant('HSET', KEYS[8], 'number', number, 'failures', cmsgpack.pack(failures)) then redis.call('PEXPIRE', KEYS[8], 600000) end
end
local at = {streams = {KEYS[1], KEYS[2]}, locks = KEYS[6], waiting = KEYS[7]}
local entries = {}
for _, key in ipairs(keys) do
  local entry = unlock(at, group, key, wants == '1' and me or RETURNED)
  if entry and wants == '1' then
    entry[4] = tonumber(tolerant('HGET', KEYS[5], entry[1] .. ':' .. entry[2])) or 0
    entries[#entries + 1] = entry
  end
end
return {entries, failures, removed, rewritten, discarded}
