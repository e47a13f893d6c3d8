import { script } from '../redis-script.js';
import { NOW } from './moving.js';
import { RETURNED, WAITING } from './membership.js';

/**
 * Lua functions for what waits behind its key: members of one sorted set, each key's beside each other in the order in which they
 * came. One key of the server for all, because a script that is told of every key it touches is not carried out at all while a
 * cluster moves some of them, and one that finds that out halfway stops there.
 */
const WAITING_ROOM = `
local function place_of(key) return #key .. ':' .. key .. ':' end
local function wait_behind(room, key, entry)
  local place = place_of(key)
  local last = redis.call('ZREVRANGEBYLEX', room, '(' .. place .. ':', '[' .. place, 'LIMIT', 0, 1)[1]
  local nth = last and tonumber(string.sub(last, #place + 1, #place + 15)) + 1 or 1
  redis.call('ZADD', room, 0, place .. string.format('%015d', nth) .. entry)
end
local function next_of(room, key)
  local place = place_of(key)
  local first = redis.call('ZRANGEBYLEX', room, '[' .. place, '(' .. place .. ':', 'LIMIT', 0, 1)[1]
  if not first then return nil end
  redis.call('ZREM', room, first)
  return string.sub(first, #place + 16)
end
`;

/**
 * Settles what one consumer is done with, in one step. May be sent again when the reply was lost: an entry that is not
 * pending any more is left alone. A lock says who has which entry of its key in hand.
 *
 * KEYS: stream of the topic, stream of the group, sorted set of the group, consumers, crashes, locks, what waits behind its key.
 * ARGV: group, consumer, 1 to be handed what waits behind the settled keys, then for each (1 or 2 for its stream, id, key with "="
 * before it or empty, 1 where crashes were counted, delay or empty for done, attempt of the retry, its headers).
 * Replies the word "dead" when others have taken over what the consumer had, else the entries handed out, as in the tick.
 */
export const SETTLE = script(
  'settle',
  `${NOW}${WAITING_ROOM}
local group, me, wants = ARGV[1], ARGV[2], ARGV[3]
local score = redis.call('ZSCORE', KEYS[4], me)
if not score or tonumber(score) < 0 then return 'dead' end
local time, now
local done = {{}, {}}
local keys = {}
for i = 4, #ARGV, 7 do
  local stream, id, key, crashed, delay = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if delay ~= '' then
    local found = redis.call('XRANGE', KEYS[stream], id, id)[1]
    if redis.call('XACK', KEYS[stream], group, id) == 1 and found then
      local fields = {}
      for f = 1, #found[2], 2 do fields[found[2][f]] = found[2][f + 1] end
      if not (fields.id and fields.headers and fields.body) then fields = {id = 'foreign-' .. id, body = cjson.encode(fields)} end
      local attempt = tonumber(ARGV[i + 5])
      if tonumber(delay) > 0 then
        if not time then
          time = redis.call('TIME')
          now = server_now()
        end
        local order = string.format('%012d%06d%06d', time[1], time[2], i)
        redis.call('ZADD', KEYS[3], now + tonumber(delay), cmsgpack.pack({order, fields.id, ARGV[i + 6], fields.body, fields.key or false, attempt}))
      else
        local entry = {'id', fields.id, 'headers', ARGV[i + 6], 'body', fields.body}
        if fields.key then
          entry[7] = 'key'
          entry[8] = fields.key
        end
        entry[#entry + 1] = 'attempt'
        entry[#entry + 1] = attempt
        redis.call('XADD', KEYS[2], '*', unpack(entry))
      end
    end
    if stream == 2 then redis.call('XDEL', KEYS[2], id) end
  else
    local ids = done[stream]
    ids[#ids + 1] = id
  end
  if crashed == '1' then redis.call('HDEL', KEYS[5], stream .. ':' .. id) end
  -- Not when this is a repetition whose first reply was lost: the next of the key is in hand already.
  if key ~= '' and redis.call('HGET', KEYS[6], string.sub(key, 2)) == me .. ' ' .. stream .. ':' .. id then keys[#keys + 1] = string.sub(key, 2) end
end
if #done[1] > 0 then redis.call('XACK', KEYS[1], group, unpack(done[1])) end
if #done[2] > 0 then
  redis.call('XACK', KEYS[2], group, unpack(done[2]))
  redis.call('XDEL', KEYS[2], unpack(done[2]))
end
local entries = {}
local function hand_on(key)
  while true do
    local next = next_of(KEYS[7], key)
    if not next then
      redis.call('HDEL', KEYS[6], key)
      return
    end
    local stream, id = tonumber(string.sub(next, 1, 1)), string.sub(next, 3)
    local to = wants == '1' and me or '${RETURNED}'
    local claimed = redis.call('XCLAIM', KEYS[stream], group, to, 0, id)[1]
    if claimed and claimed[2] then
      redis.call('HSET', KEYS[6], key, to .. ' ' .. next)
      if wants == '1' then
        entries[#entries + 1] = {stream, id, claimed[2], tonumber(redis.call('HGET', KEYS[5], stream .. ':' .. id) or 0)}
      end
      return
    end
  end
end
for _, key in ipairs(keys) do hand_on(key) end
return entries`,
);

/**
 * Reads for a consumer that wants the order of keys: what has a key that is in hand waits, the rest is handed out.
 *
 * KEYS: stream of the topic, stream of the group, consumers, locks, what waits behind its key.
 * ARGV: group, consumer, how many entries to hand out, how many to look at.
 * Replies the word "dead", or (1 when there may be more, last id that the group has read of each stream, entries).
 */
export const TAKE = script(
  'take',
  `${WAITING_ROOM}
local group, me, room, looks = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local score = redis.call('ZSCORE', KEYS[3], me)
if not score or tonumber(score) < 0 then return 'dead' end
local entries = {}
local more = 0
for stream = 2, 1, -1 do
  while room > 0 and looks > 0 do
    local count = math.min(room, looks)
    local read = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', count, 'STREAMS', KEYS[stream], '>')
    local found = read and read[1] and read[1][2] or {}
    looks = looks - #found
    for _, entry in ipairs(found) do
      local key
      for f = 1, #entry[2], 2 do
        if entry[2][f] == 'key' then key = entry[2][f + 1] end
      end
      if key and redis.call('HEXISTS', KEYS[4], key) == 1 then
        wait_behind(KEYS[5], key, stream .. ':' .. entry[1])
        redis.call('XCLAIM', KEYS[stream], group, '${WAITING}', 0, entry[1], 'JUSTID')
      else
        if key then redis.call('HSET', KEYS[4], key, me .. ' ' .. stream .. ':' .. entry[1]) end
        entries[#entries + 1] = {stream, entry[1], entry[2], 0}
        room = room - 1
      end
    end
    if #found < count then break end
    if looks <= 0 or room <= 0 then more = 1 end
  end
end
local last = {}
if #entries == 0 then
  for stream = 1, 2 do
    for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[stream])) do
      local about = {}
      for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
      if about.name == group then last[stream] = about['last-delivered-id'] end
    end
  end
end
return {more, last[1] or '', last[2] or '', entries}`,
);
