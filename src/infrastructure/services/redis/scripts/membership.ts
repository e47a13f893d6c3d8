import { script } from '../redis-script.js';
import { MOVE_DUE, NOW } from './moving.js';

/** Consumers that are none: entries that wait behind their key, and entries that were handed back unhandled. */
export const WAITING = '~waiting';
export const RETURNED = '~returned';

/**
 * Makes streams and group where they are missing and enters the consumer with a lease.
 *
 * KEYS: stream of the topic, stream of the group, consumers. ARGV: group, consumer, lease in ms.
 */
export const JOIN = script(
  'join',
  `${NOW}
local made = 0
for i = 1, 2 do
  local reply = redis.pcall('XGROUP', 'CREATE', KEYS[i], ARGV[1], '0', 'MKSTREAM')
  if type(reply) == 'table' and reply.err then
    if string.sub(reply.err, 1, 9) ~= 'BUSYGROUP' and not string.find(reply.err, 'BUSYGROUP', 1, true) then return redis.error_reply(reply.err) end
  else
    made = made + 1
  end
end
redis.call('ZADD', KEYS[3], server_now() + tonumber(ARGV[3]), ARGV[2])
return made`,
);

/**
 * Gives back whatever the consumer still has, without counting an attempt, and takes it off the list.
 *
 * KEYS: stream of the topic, stream of the group, consumers. ARGV: group, consumer. Replies 1 when there is more to give back.
 */
export const LEAVE = script(
  'leave',
  `
for i = 1, 2 do
  local pending = redis.pcall('XPENDING', KEYS[i], ARGV[1], '-', '+', 500, ARGV[2])
  if not pending.err then
    for _, one in ipairs(pending) do
      redis.call('XCLAIM', KEYS[i], ARGV[1], '${RETURNED}', 0, one[1], 'JUSTID')
    end
    if #pending == 500 then return 1 end
    redis.call('XGROUP', 'DELCONSUMER', KEYS[i], ARGV[1], ARGV[2])
  end
end
redis.call('ZREM', KEYS[3], ARGV[2])
return 0`,
);

/**
 * What the server thinks that a consumer has, from two ids on.
 *
 * KEYS: stream of the topic, stream of the group, crashes. ARGV: group, consumer, the ids of the two streams, how many of each.
 * Replies the entries, as in the tick.
 */
export const HAD = script(
  'had',
  `
local entries = {}
for stream = 1, 2 do
  local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[5], 'STREAMS', KEYS[stream], ARGV[2 + stream])
  for _, entry in ipairs(read and read[1] and read[1][2] or {}) do
    if entry[2] then
      local crashes = redis.call('HGET', KEYS[3], stream .. ':' .. entry[1])
      entries[#entries + 1] = {stream, entry[1], entry[2], tonumber(crashes or 0)}
    end
  end
end
return entries`,
);

/**
 * What a consumer does every now and then: keeps its lease, moves what is due, and takes over what dead consumers had.
 *
 * A consumer is dead when its lease has run out, and for good once somebody has seen that: what it settles from then on is
 * dropped. Each of its messages is handed to others once, as a further attempt. What was given back is handed out without.
 *
 * KEYS: stream and sorted set of the topic, stream and sorted set of the group, consumers, crashes, locks.
 * ARGV: group, consumer, lease in ms, how many entries to take over.
 * Replies the word "dead" when the consumer itself is, else (ms until the next is due or -1, entries), each entry as
 * (1 for the topic's stream or 2 for the group's, id, fields, attempts used up by crashes).
 */
export const TICK = script(
  'tick',
  `${NOW}${MOVE_DUE}
local group, me, lease, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = server_now()
local mine = redis.call('ZSCORE', KEYS[5], me)
if not mine or tonumber(mine) < 0 then return 'dead' end
redis.call('ZADD', KEYS[5], now + lease, me)

local next_topic = move_due(KEYS[2], KEYS[1], now)
local next_group = move_due(KEYS[4], KEYS[3], now)
local due = -1
if next_topic then due = next_topic end
if next_group and (due < 0 or next_group < due) then due = next_group end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(-1', now)) do redis.call('ZADD', KEYS[5], -1, name) end
local entries = {}
local streams = {KEYS[1], KEYS[3]}
local function take_over(index, name, is_crash)
  local pending = redis.call('XPENDING', streams[index], group, '-', '+', room, name)
  for _, one in ipairs(pending) do
    local claimed = redis.call('XCLAIM', streams[index], group, me, 0, one[1])
    local entry = claimed[1]
    if entry and entry[2] then
      local field = index .. ':' .. entry[1]
      if is_crash then redis.call('HINCRBY', KEYS[6], field, 1) end
      for f = 1, #entry[2], 2 do
        if entry[2][f] == 'key' and redis.call('HEXISTS', KEYS[7], entry[2][f + 1]) == 1 then
          redis.call('HSET', KEYS[7], entry[2][f + 1], me .. ' ' .. field)
        end
      end
      entries[#entries + 1] = {index, entry[1], entry[2], tonumber(redis.call('HGET', KEYS[6], field) or 0)}
      room = room - 1
    else
      redis.call('XACK', streams[index], group, one[1])
    end
  end
end
for index = 1, 2 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', streams[index], group)
  if consumers.err then return redis.error_reply('NOGROUP ' .. streams[index]) end
  for _, info in ipairs(consumers) do
    local about = {}
    for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
    if about.name == '${RETURNED}' then
      if about.pending > 0 and room > 0 then take_over(index, about.name, false) end
    elseif about.name ~= '${WAITING}' and about.name ~= me then
      local score = tonumber(redis.call('ZSCORE', KEYS[5], about.name) or 0)
      if score == 0 and about.idle > lease then score = -1 end
      if score < 0 then
        if about.pending > 0 and room > 0 then take_over(index, about.name, true) end
        if #redis.call('XPENDING', streams[index], group, '-', '+', 1, about.name) == 0 then
          redis.call('XGROUP', 'DELCONSUMER', streams[index], group, about.name)
        end
      end
    end
  end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '(0')) do
  local left = 0
  for index = 1, 2 do left = left + #redis.call('XPENDING', streams[index], group, '-', '+', 1, name) end
  if left == 0 then redis.call('ZREM', KEYS[5], name) end
end
return {due, entries}`,
);
