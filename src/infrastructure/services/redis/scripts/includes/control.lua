--[[
  Shared by all scripts of the control store.

  KEYS[1] is the hash of the values, "<format>:<revision>:<value>" by key; all other keys have the same start and one hash tag. Keys
  are kept in their order, by revision, and by the time at which they expire; removed ones by the revision of their removal. The
  last revision and the first from which all changes are known are fields of a hash.

  A revision is a time of day of the server, or one more than the last: it is not used again when data was lost.
  What has expired is removed by the next call, so that the removal is a change with a revision as well.
]]
--- @include "server-now.lua"

local MAX_REMOVED, MAX_EXPIRED = 256, 100
local values = KEYS[1]
local base = string.sub(values, 1, -7)
local keys, changed, removed, expiry, meta = base .. 'keys', base .. 'changed', base .. 'removed', base .. 'expiry', base .. 'meta'
local now = server_now()

local function number_of(field) return tonumber(redis.call('HGET', meta, field)) or 0 end
local function next_revision()
  local revision = math.max(number_of('revision') + 1, now)
  redis.call('HSET', meta, 'revision', string.format('%d', revision))
  redis.call('HSETNX', meta, 'floor', string.format('%d', revision - 1))
  return string.format('%d', revision)
end
-- The entry, or nil; its format when it is of a newer version.
local function entry_of(key)
  local format, revision, value = string.match(redis.call('HGET', values, key) or '', '^(%d+):(%d+):(.*)$')
  if not value then return nil end
  local number = tonumber(format)
  if number > FORMATS.control and number <= 1000 then return nil, number end
  local at = redis.call('ZSCORE', expiry, key)
  local left = at and tonumber(at) - now or -1
  if at and left <= 0 then return nil end
  return {key, value, revision, string.format('%d', left)}
end
local function remove(key)
  local revision = next_revision()
  redis.call('HDEL', values, key)
  for _, index in ipairs({keys, changed, expiry}) do redis.call('ZREM', index, key) end
  redis.call('ZADD', removed, revision, key)
  local surplus = redis.call('ZCARD', removed) - MAX_REMOVED
  if surplus <= 0 then return end
  local last = redis.call('ZRANGE', removed, surplus - 1, surplus - 1, 'WITHSCORES')
  redis.call('HSET', meta, 'floor', string.format('%d', tonumber(last[2])))
  redis.call('ZREMRANGEBYRANK', removed, 0, surplus - 1)
end
for _, key in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, MAX_EXPIRED)) do
  local _, newer = entry_of(key)
  if not newer then remove(key) end
end
