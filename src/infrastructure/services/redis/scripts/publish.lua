--[[
  Adds a batch of messages to a stream.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] batches of the publisher
    ARGV[1] number of the batch
    ARGV[2] 1 to create the stream where it is missing
    ARGV[3] number of unconfirmed messages that follow, each as (index of the message, number of the earlier batch)
    then id, headers, body and key of each message; headers are empty when the last ones apply, a key has "=" before it, none is empty
  Output:
    1 when all are taken, else a list of (index, error) pairs; the others are taken
]]
--- @include "includes/tolerant.lua"
--- @include "includes/finite-number.lua"
--- @include "includes/skip-taken.lua"

local creates = ARGV[2] == '1'
local failures
local headers
local index = 0
for i = at, #ARGV, 4 do
  index = index + 1
  if ARGV[i + 1] ~= '' then headers = ARGV[i + 1] end
  if not skip[index] then
    local key = ARGV[i + 3]
    local reply
    local fields = {'id', ARGV[i], 'headers', headers, 'body', ARGV[i + 2]}
    if key ~= '' then fields = {'id', ARGV[i], 'headers', headers, 'body', ARGV[i + 2], 'key', string.sub(key, 2)} end
    if FORMATS.message > 1 then
      fields[#fields + 1] = 'x-swy-format'
      fields[#fields + 1] = FORMATS.message
    end
    if creates then
      reply = redis.pcall('XADD', KEYS[1], '*', unpack(fields))
    else
      reply = redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(fields))
      if not reply then reply = {err = 'NOSTREAM ' .. KEYS[1] .. ' does not exist'} end
    end
    if type(reply) == 'table' and reply.err then
      failures = failures or {}
      failures[#failures + 1] = index
      failures[#failures + 1] = reply.err
    end
  end
end

--- @include "includes/remember-batch.lua"
