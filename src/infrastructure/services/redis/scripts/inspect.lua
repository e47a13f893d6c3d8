--[[
  Finds what other clients have removed from a group, and heals sets that refer to it. One process of a group does it at an
  interval; each says what it holds.

  The observed state is a hash:
    format                   number of its format; none from versions before the numbers
    generation               when the group was created
    at                       when a process last did all of this
    held:<stream>:<consumer> pending entries of a consumer at its last heartbeat
    gap:<stream>             unread entries that are missing, of those that the server counts (version 7 and newer)
    left:<stream>            last id read and entries behind it, on older servers, where that can be known
    until:<set>, later:<set> how many members of a sorted set are due after a time that has not come yet
    free:<key>               since when entries wait for a key without a lock

  Input:
    KEYS[1] stream of the topic
    KEYS[2] stream of the group
    KEYS[3] sorted set of the topic
    KEYS[4] sorted set of the group
    KEYS[5] consumers
    KEYS[6] locks
    KEYS[7] entries that wait for their key
    KEYS[8] observed state
    ARGV[1] group
    ARGV[2] consumer
    ARGV[3] 1 with order by key
    ARGV[4...] pairs of locked key and entry of what the consumer has in flight
  Output:
    (unread entries that are gone, pending ones, delayed ones; how many pending entries were recovered;
    unsettled entries of each stream that no consumer has in memory; members of each sorted set; how many foreign members were
    removed), or nothing when another process did it just now, or the observed state is spoilt or of a newer version
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"
--- @include "includes/finite-number.lua"
--- @include "includes/entry-ids.lua"
--- @include "includes/waiting-entries.lua"
--- @include "includes/reserved-consumers.lua"
--- @include "includes/unlock-key.lua"
--- @include "includes/formats.lua"

local INTERVAL_MS = 500
local FORGET_MS = 60000
local HORIZON_MS = 5000
local SCAN_LIMIT = 1000
local FREE_MS = 3000
local MAX_OBSERVED = 20000
-- No consumer holds more.
local MAX_HELD = 1000000

local group, me, has_order = ARGV[1], ARGV[2], ARGV[3] == '1'
local streams = {KEYS[1], KEYS[2]}
local state = KEYS[8]
local now = server_now()
local at = {streams = streams, locks = KEYS[6], waiting = KEYS[7]}

local function read_pairs(flat)
  local about = {}
  for f = 1, #flat, 2 do about[flat[f]] = flat[f + 1] end
  return about
end
local function is_alive(name)
  local score = tonumber(tolerant('ZSCORE', KEYS[5], name) or 0)
  return name == me or score > now
end
-- An id of another client may be none.
local function is_pending(stream, id)
  local pending = redis.pcall('XPENDING', streams[stream], group, id, id, 1)
  return not pending.err and #pending > 0
end
local function exists(stream, id)
  local entries = redis.pcall('XRANGE', streams[stream], id, id)
  return not entries.err and entries[1] ~= nil
end
-- The entry is delivered again, without a further attempt.
local function give_back(stream, id) redis.call('XCLAIM', streams[stream], group, RETURNED, 0, id, 'FORCE', 'JUSTID') end

-- Locks that another client has removed. Only for entries that are pending still, because a settlement may have come before.
local mine = {}
if has_order then
  for i = 4, #ARGV, 2 do
    mine[ARGV[i + 1]] = true
    if tolerant('HEXISTS', KEYS[6], ARGV[i]) == 0 then
      local stream, id = string.match(ARGV[i + 1], '^([12]):(.*)$')
      local pending = redis.pcall('XPENDING', streams[tonumber(stream)], group, id, id, 1)
      if not pending.err and pending[1] and pending[1][2] == me then redis.call('HSET', KEYS[6], ARGV[i], me .. ' ' .. ARGV[i + 1]) end
    end
  end
end

local flat = tolerant('HGETALL', state)
if not flat then return {} end
if #flat > MAX_OBSERVED then
  -- Only foreign fields are so many. What was observed begins again.
  redis.call('UNLINK', state)
  flat = {}
end
local known = read_pairs(flat)
local format = finite(known.format) or 1
if format > FORMATS.observed and format <= 1000 then return {format} end
if format < FORMATS.observed or not known.format then redis.call('HSET', state, 'format', FORMATS.observed) end
local groups, consumers = {}, {}
for i = 1, 2 do
  local reply = redis.pcall('XINFO', 'GROUPS', streams[i])
  if reply.err then return redis.error_reply('NOGROUP ' .. streams[i]) end
  for _, info in ipairs(reply) do
    local about = read_pairs(info)
    if about.name == group then groups[i] = about end
  end
  if not groups[i] then return redis.error_reply('NOGROUP ' .. streams[i]) end
  consumers[i] = {}
  for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', streams[i], group)) do
    local about = read_pairs(info)
    consumers[i][about.name] = about.pending
  end
  for _, name in ipairs({me, RETURNED}) do
    redis.call('HSET', state, 'held:' .. i .. ':' .. name, consumers[i][name] or 0)
  end
end

local at_before = finite(known.at)
if at_before and now - at_before < INTERVAL_MS and now >= at_before then return {} end
redis.call('HSET', state, 'at', now)

-- Unread entries: what the server has counted as added and not as read, and is not there any more.
local unread, gone_unread = {0, 0}, 0
for i = 1, 2 do
  local about = groups[i]
  local stream = read_pairs(redis.call('XINFO', 'STREAM', streams[i]))
  local added, read = stream['entries-added'], about['entries-read']
  local first, last = stream['first-entry'], stream['last-entry']
  local left
  if not first then
    left = 0
  elseif before(about['last-delivered-id'], first[1]) then
    left = stream.length
  elseif not before(about['last-delivered-id'], last[1]) then
    left = 0
  end
  if type(added) == 'number' and type(read) == 'number' then
    local max_deleted = stream['max-deleted-entry-id']
    if not left and max_deleted and before(about['last-delivered-id'], max_deleted) then
      local rest = redis.call('XRANGE', streams[i], '(' .. about['last-delivered-id'], '+', 'COUNT', SCAN_LIMIT)
      if #rest < SCAN_LIMIT then left = #rest end
    end
    if left then
      local gap = math.max(0, added - read - left)
      local seen = finite(known['gap:' .. i])
      if seen and gap > seen then gone_unread = gone_unread + gap - seen end
      redis.call('HSET', state, 'gap:' .. i, gap)
    end
    unread[i] = left or math.max(0, added - read)
  else
    local before_left = known['left:' .. i] and string.match(known['left:' .. i], '^' .. string.gsub(about['last-delivered-id'], '%-', '%%-') .. ' (%d+)$')
    if left and before_left then gone_unread = gone_unread + math.max(0, (finite(before_left) or 0) - left) end
    redis.call('HSET', state, 'left:' .. i, about['last-delivered-id'] .. ' ' .. (left or ''))
    unread[i] = left or 0
  end
end

-- Delayed messages: those that were not due yet must be there.
local gone_delayed = 0
for i = 1, 2 do
  local set = KEYS[2 + i]
  local until_ms, later = finite(known['until:' .. i]), finite(known['later:' .. i])
  local after = tolerant('ZCOUNT', set, '(' .. (now + HORIZON_MS), '+inf')
  if after and until_ms and later and until_ms > now and until_ms <= now + HORIZON_MS then
    gone_delayed = gone_delayed + math.max(0, later - redis.call('ZCOUNT', set, '(' .. until_ms, '+inf'))
  end
  redis.call('HSET', state, 'until:' .. i, now + HORIZON_MS, 'later:' .. i, after or 0)
end

-- Consumers that another client has removed with what they held.
local recovered = {0, 0}
local lost_consumer = {false, false}
local gone_pending = {0, 0}
for field, held in pairs(known) do
  if string.sub(field, 1, 5) == 'free:' and now - (finite(held) or 0) > FORGET_MS then redis.call('HDEL', state, field) end
  local i, name = string.match(field, '^held:([12]):(.*)$')
  i = tonumber(i)
  local is_known = i and not is_newer_consumer(name)
  if is_known and name ~= me and not consumers[i][name] then
    if not is_alive(name) then
      local number = finite(held) or 0
      if number > 0 and number <= MAX_HELD then
        gone_pending[i] = gone_pending[i] + number
        lost_consumer[i] = true
      end
      redis.call('HDEL', state, field)
    end
  elseif is_known and not is_alive(name) then
    redis.call('HSET', state, field, consumers[i][name])
  end
end
if lost_consumer[2] then
  -- Settled entries leave the stream of the group: what was read and is not pending is unsettled.
  local read = redis.call('XRANGE', streams[2], '-', groups[2]['last-delivered-id'], 'COUNT', SCAN_LIMIT)
  for _, entry in ipairs(read) do
    if not is_pending(2, entry[1]) then
      give_back(2, entry[1])
      recovered[2] = recovered[2] + 1
    end
  end
end

if has_order then
  -- Locks of consumers that no longer exist.
  local locks = tolerant('HGETALL', KEYS[6]) or {}
  for l = 1, #locks, 2 do
    local name, i, id = string.match(locks[l + 1], '^(.*) ([12]):(%d+%-%d+)$')
    i = tonumber(i)
    if not i then
      discarded = discarded + 1
      unlock(at, group, locks[l], RETURNED)
    elseif not is_newer_consumer(name) and (name == RETURNED or not is_alive(name) or (name == me and not mine[i .. ':' .. id])) and not is_pending(i, id) then
      if name ~= me and exists(i, id) then
        give_back(i, id)
        recovered[i] = recovered[i] + 1
        redis.call('HSET', KEYS[6], locks[l], RETURNED .. ' ' .. i .. ':' .. id)
      else
        unlock(at, group, locks[l], RETURNED)
      end
    end
  end
  -- A score other than 0 breaks the order by which members are found.
  for _, range in ipairs({{'-inf', '(0'}, {'(0', '+inf'}}) do
    for _, member in ipairs(tolerant('ZRANGEBYSCORE', KEYS[7], range[1], range[2], 'LIMIT', 0, SCAN_LIMIT) or {}) do discard(KEYS[7], member) end
  end
  -- Entries that wait and are in no set of those that wait.
  local aside = (consumers[1][WAITING] or 0) + (consumers[2][WAITING] or 0)
  if (tolerant('ZCARD', KEYS[7]) or aside) < aside then
    local listed = {}
    for _, member in ipairs(redis.call('ZRANGE', KEYS[7], 0, -1)) do listed[string.match(member, '([12]:%d+%-%d+)$') or ''] = true end
    for i = 2, 1, -1 do
      for _, one in ipairs(redis.call('XPENDING', streams[i], group, '-', '+', SCAN_LIMIT, WAITING)) do
        local name = i .. ':' .. one[1]
        local entry = not listed[name] and redis.call('XRANGE', streams[i], one[1], one[1])[1]
        if entry then
          local key = read_pairs(entry[2]).key
          if key then wait_behind(KEYS[7], key, name) else give_back(i, one[1]) end
        elseif not listed[name] then
          redis.call('XACK', streams[i], group, one[1])
          removed = removed + 1
        end
      end
    end
  end
  -- Keys that entries wait for and that no entry holds.
  local from = '-'
  for _ = 1, 100 do
    local member = (tolerant('ZRANGEBYLEX', KEYS[7], from, '+', 'LIMIT', 0, 1) or {})[1]
    if not member then break end
    local length = tonumber(string.match(member, '^(%d+):'))
    local start = length and #tostring(length) + 2
    local key = start and string.sub(member, start, start + length - 1)
    if not key or not arrival_of(member, place_of(key)) then
      discard(KEYS[7], member)
    else
      from = '[' .. place_of(key) .. ':'
      local since = finite(known['free:' .. key])
      if tolerant('HEXISTS', KEYS[6], key) == 1 then
        if since then redis.call('HDEL', state, 'free:' .. key) end
      elseif not since then
        redis.call('HSET', state, 'free:' .. key, now)
      elseif now - since >= FREE_MS then
        redis.call('HDEL', state, 'free:' .. key)
        unlock(at, group, key, RETURNED)
      end
    end
  end
end

local unsettled = {}
for i = 1, 2 do
  unsettled[i] = unread[i]
  for name, pending in pairs(consumers[i]) do
    if not is_alive(name) then unsettled[i] = unsettled[i] + pending end
  end
end
local gone = removed
for i = 1, 2 do gone = gone + math.max(0, gone_pending[i] - recovered[i]) end
return {gone_unread, gone, gone_delayed, recovered[1] + recovered[2], unsettled[1], unsettled[2], tolerant('ZCARD', KEYS[3]) or 0, tolerant('ZCARD', KEYS[4]) or 0, discarded}
