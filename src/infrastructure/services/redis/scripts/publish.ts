import { script } from '../redis-script.js';

/** How many of its batches a topic remembers for each publisher. Far more than are ever on their way. */
const REMEMBERED_BATCHES = 1_024;

/**
 * Shared by everything that takes messages: each publisher numbers its batches, and the topic remembers the last of each,
 * so that a batch that is sent again because its reply was lost is taken once.
 *
 * ARGV: number of the batch, count of doubts, for each doubt (index, number), ...
 * A doubt is a message that an earlier batch may or may not have brought: if it did not, the earlier batch is made void,
 * so that it cannot bring it later.
 */
const ONCE = `
local batches, number = KEYS[2], ARGV[1]
local place = number % ${REMEMBERED_BATCHES}
local seen = redis.call('HGET', batches, place)
if seen == number then return 1 end
if seen == '-' .. number then return redis.error_reply('ERR this batch was made void') end
local skip = {}
local at = 3
for _ = 1, tonumber(ARGV[2]) do
  local index, earlier = tonumber(ARGV[at]), ARGV[at + 1]
  local where = earlier % ${REMEMBERED_BATCHES}
  local state = redis.call('HGET', batches, where)
  if state == earlier then
    skip[index] = true
  elseif not state or math.abs(tonumber(state)) < tonumber(earlier) then
    redis.call('HSET', batches, where, '-' .. earlier)
  end
  at = at + 2
end
`;

/**
 * Five to ten minutes: far longer than any deadline after which a batch could still be sent again. The time is not set anew by
 * each batch, because a write costs the server ten times what looking costs, and half of that again for its append-only file.
 */
const DONE = `
if failures then return failures end
redis.pcall('HSET', batches, place, number)
if redis.call('PTTL', batches) < 300000 then redis.pcall('PEXPIRE', batches, 600000) end
return 1
`;

/**
 * KEYS: stream, batches of the publisher. ARGV as above, then id, headers, body and key of each message; a key has "=" before
 * it, none is empty. Replies 1 when all are taken, else a table of (index, error) pairs; the others are taken.
 */
export const PUBLISH = script(
  'publish',
  `${ONCE}
local failures
local index = 0
for i = at, #ARGV, 4 do
  index = index + 1
  if not skip[index] then
    local key = ARGV[i + 3]
    local reply
    if key == '' then
      reply = redis.pcall('XADD', KEYS[1], '*', 'id', ARGV[i], 'headers', ARGV[i + 1], 'body', ARGV[i + 2])
    else
      reply = redis.pcall('XADD', KEYS[1], '*', 'id', ARGV[i], 'headers', ARGV[i + 1], 'body', ARGV[i + 2], 'key', string.sub(key, 2))
    end
    if type(reply) == 'table' and reply.err then
      failures = failures or {}
      failures[#failures + 1] = index
      failures[#failures + 1] = reply.err
    end
  end
end
${DONE}`,
);

/**
 * As {@link PUBLISH}, into the sorted set of what is due later. One more number comes before the messages: the delay in ms.
 *
 * A member is the packed list (order, id, headers, body, key or false, attempt); the first part keeps messages of one
 * millisecond apart and in order.
 */
export const PUBLISH_LATER = script(
  'publish-later',
  `${ONCE}
local time = redis.call('TIME')
local due = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[at])
local failures
local index = 0
for i = at + 1, #ARGV, 4 do
  index = index + 1
  if not skip[index] then
    local key = ARGV[i + 3]
    local order = string.format('%012d%06d%06d', time[1], time[2], index)
    local member = cmsgpack.pack({order, ARGV[i], ARGV[i + 1], ARGV[i + 2], key ~= '' and string.sub(key, 2), 1})
    local reply = redis.pcall('ZADD', KEYS[1], due, member)
    if type(reply) == 'table' and reply.err then
      failures = failures or {}
      failures[#failures + 1] = index
      failures[#failures + 1] = reply.err
    end
  end
end
${DONE}`,
);
