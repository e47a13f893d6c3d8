--[[
  Start of every publishing script: each publisher numbers its batches, and the topic stores the last numbers of each publisher, so
  that a batch that is repeated after a lost reply is executed once.

  An unconfirmed message belongs to an earlier batch that may or may not have been executed: if it was not, the earlier batch is
  made void, so that it cannot be executed later.

  Input:
    KEYS[2] batches of the publisher
    ARGV[1] number of the batch
    ARGV[2] 1 to create the stream where it is missing
    ARGV[3] number of unconfirmed messages that follow, each as (index of the message, number of the earlier batch)
  Needs tolerant.lua and finite-number.lua.

  Leaves behind:
    skip, the indexes of messages that are stored already; at, where the rest of ARGV begins; batches, place and number for
    remember-batch.lua
]]

-- Numbers of batches that a topic stores for each publisher. Far more than are in flight.
local REMEMBERED_BATCHES = 1024

local batches, number = KEYS[2], ARGV[1]
local place = number % REMEMBERED_BATCHES
local seen = tolerant('HGET', batches, place)
if seen == number then return 1 end
if seen == '-' .. number then return redis.error_reply('ERR this batch was made void') end
local skip = {}
local at = 4
for _ = 1, tonumber(ARGV[3]) do
  local index, earlier = tonumber(ARGV[at]), ARGV[at + 1]
  local where = earlier % REMEMBERED_BATCHES
  local state = tolerant('HGET', batches, where)
  if state == earlier then
    skip[index] = true
  elseif math.abs(finite(state) or 0) < tonumber(earlier) then
    tolerant('HSET', batches, where, '-' .. earlier)
  end
  at = at + 2
end
