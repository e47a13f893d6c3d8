--[[
  Beginning of every script that takes messages: each publisher numbers its batches, and the topic remembers the last of each,
  so that a batch that is sent again because its reply was lost is taken once.

  A doubt is a message that an earlier batch may or may not have brought: if it did not, the earlier batch is made void, so
  that it cannot bring it later.

  Input:
    KEYS[2] batches of the publisher
    ARGV[1] number of the batch
    ARGV[2] how many doubts follow, each as (index of the message, number of the earlier batch)
  Leaves behind:
    skip, the indexes of messages that were taken; at, where the rest of ARGV begins; batches, place and number for
    remember-batch.lua
]]

-- How many of its batches a topic remembers for each publisher. Far more than are ever on their way.
local REMEMBERED_BATCHES = 1024

local batches, number = KEYS[2], ARGV[1]
local place = number % REMEMBERED_BATCHES
local seen = redis.call('HGET', batches, place)
if seen == number then return 1 end
if seen == '-' .. number then return redis.error_reply('ERR this batch was made void') end
local skip = {}
local at = 3
for _ = 1, tonumber(ARGV[2]) do
  local index, earlier = tonumber(ARGV[at]), ARGV[at + 1]
  local where = earlier % REMEMBERED_BATCHES
  local state = redis.call('HGET', batches, where)
  if state == earlier then
    skip[index] = true
  elseif not state or math.abs(tonumber(state)) < tonumber(earlier) then
    redis.call('HSET', batches, where, '-' .. earlier)
  end
  at = at + 2
end
