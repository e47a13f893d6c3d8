import { script } from '../redis-script.js';

/** At most this many a call, so that the server never works on one script for long. */
const MOVED_AT_A_TIME = 200;

/**
 * Lua function that moves what is due from a sorted set to the end of a stream. Gives the time at which the next is due, as
 * milliseconds from `now`, or false when nothing waits; 0 means that there is more to move.
 */
export const MOVE_DUE = `
local function move_due(from, to, now)
  local members = redis.call('ZRANGEBYSCORE', from, '-inf', now, 'LIMIT', 0, ${MOVED_AT_A_TIME})
  for _, member in ipairs(members) do
    local item = cmsgpack.unpack(member)
    local fields = {'id', item[2], 'headers', item[3], 'body', item[4]}
    if item[5] then
      fields[7] = 'key'
      fields[8] = item[5]
    end
    if item[6] > 1 then
      fields[#fields + 1] = 'attempt'
      fields[#fields + 1] = item[6]
    end
    redis.call('XADD', to, '*', unpack(fields))
    redis.call('ZREM', from, member)
  end
  if #members == ${MOVED_AT_A_TIME} then return 0 end
  local first = redis.call('ZRANGE', from, 0, 0, 'WITHSCORES')
  if not first[2] then return false end
  return math.max(1, math.ceil(tonumber(first[2]) - now))
end
`;

/** Milliseconds of the server's clock, which is the only one that all processes share. */
export const NOW = `
local function server_now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`;

/** KEYS: sorted set, stream. Replies in how many ms the next is due, or nil. */
export const MOVE = script(
  'move',
  `${NOW}${MOVE_DUE}
return move_due(KEYS[1], KEYS[2], server_now())`,
);
