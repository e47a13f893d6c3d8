--[[
  Adds a batch of messages to the sorted set of delayed messages.

  A member is the packed list (format, order, id, headers, body, key or false, attempt); the second part makes members unique and keeps the
  order of messages that are due in the same millisecond.

  Input:
    KEYS[1] sorted set of the topic
    KEYS[2] batches of the publisher
    KEYS[3] stream that the messages go to
    ARGV[1] number of the batch
    ARGV[2] 1 to create the stream where it is missing
    ARGV[3] number of unconfirmed messages that follow, each as (index of the message, number of the earlier batch)
    then the delay in ms, then id, headers, body and key of each message; headers are empty when the last ones apply, a key has "=" before it, none is empty
  Output:
    1 when all are taken, else a list of (index, error) pairs; the others are taken
]]
--- @include "includes/tolerant.lua"
--- @include "includes/finite-number.lua"
--- @include "includes/skip-taken.lua"

local time = redis.call('TIME')
local due = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[at])
if ARGV[2] ~= '1' and redis.pcall('XINFO', 'GROUPS', KEYS[3]).err then return redis.error_reply('NOSTREAM ' .. KEYS[3] .. ' does not exist') end
local failures
local headers
local index = 0
for i = at + 1, #ARGV, 4 do
  index = index + 1
  if ARGV[i + 1] ~= '' then headers = ARGV[i + 1] end
  if not skip[index] then
    local key = ARGV[i + 3]
    local order = string.format('%012d%06d%06d', time[1], time[2], index)
    local member = cmsgpack.pack({FORMATS.delayed, order, ARGV[i], headers, ARGV[i + 2], key ~= '' and string.sub(key, 2), 1})
    local reply = redis.pcall('ZADD', KEYS[1], due, member)
    if type(reply) == 'table' and reply.err then
      failures = failures or {}
      failures[#failures + 1] = index
      failures[#failures + 1] = reply.err
    end
  end
end

--- @include "includes/remember-batch.lua"
