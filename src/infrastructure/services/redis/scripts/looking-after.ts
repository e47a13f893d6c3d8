import { script } from '../redis-script.js';
import { NOW } from './moving.js';
import { RETURNED, WAITING } from './membership.js';

/**
 * Lua function that reads the state of a group of a stream: (last id read, unsettled entries, oldest unsettled id or nil,
 * entries not read yet). Servers before version 7 do not count the last, so that it is counted here, up to a bound.
 */
const GROUP_STATE = `
local function states(stream)
  local result = {}
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return result end
  for _, info in ipairs(groups) do
    local about = {}
    for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
    local state = {name = about.name, read = about['last-delivered-id'], pending = about.pending, lag = about.lag}
    if about.pending > 0 then state.oldest = redis.call('XPENDING', stream, about.name)[2] end
    result[#result + 1] = state
  end
  return result
end
local function parts(id)
  local ms, nth = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(nth)
end
local function before(a, b)
  local ams, anth = parts(a)
  local bms, bnth = parts(b)
  if ams ~= bms then return ams < bms end
  return anth < bnth
end
`;

/** Entries removed by one call at most: removing a node of a hundred takes microseconds. */
const TRIMMED_AT_A_TIME = 100_000;

/**
 * Removes from the stream of a topic what every group has read and settled, and what has grown old where there is no group.
 *
 * KEYS: stream of the topic. ARGV: age in ms for a stream without groups. Replies (removed, 1 when there may be more).
 */
export const TRIM = script(
  'trim',
  `${NOW}${GROUP_STATE}
local keep
for _, state in ipairs(states(KEYS[1])) do
  local from = state.oldest or state.read
  if not keep or before(from, keep) then keep = from end
end
if not keep then keep = string.format('%.0f-0', server_now() - tonumber(ARGV[1])) end
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', keep, 'LIMIT', ${TRIMMED_AT_A_TIME})
return {removed, removed >= ${TRIMMED_AT_A_TIME} and 1 or 0}`,
);

/** Counting stops there where the server does not count by itself. */
const MOST_COUNTED = 10_000;

/**
 * Depth of a group. KEYS: stream and sorted set of the topic, stream and sorted set of the group. ARGV: group.
 * Replies (ready, in hand, delayed, age of the oldest in ms or -1).
 */
export const BACKLOG = script(
  'backlog',
  `${NOW}${GROUP_STATE}
local group, now = ARGV[1], server_now()
local ready, in_hand, oldest = 0, 0, nil
local function older(id)
  local ms = parts(id)
  if not oldest or ms < oldest then oldest = ms end
end
local known = false
for _, stream in ipairs({KEYS[1], KEYS[3]}) do
  for _, state in ipairs(states(stream)) do
    if state.name == group then
      known = true
      local first = redis.call('XRANGE', stream, '(' .. state.read, '+', 'COUNT', 1)[1]
      local lag = state.lag
      if not first then
        lag = 0
      elseif not lag then
        lag = #redis.call('XRANGE', stream, '(' .. state.read, '+', 'COUNT', ${MOST_COUNTED})
      end
      ready = ready + lag
      if first then older(first[1]) end
      if state.oldest then older(state.oldest) end
      local aside = 0
      for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
        local about = {}
        for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
        if about.name == '${WAITING}' or about.name == '${RETURNED}' then aside = aside + about.pending end
      end
      ready = ready + aside
      in_hand = in_hand + state.pending - aside
    end
  end
end
if not known then return {0, 0, 0, -1} end
local delayed = 0
for _, set in ipairs({KEYS[2], KEYS[4]}) do
  local due = redis.call('ZCOUNT', set, '-inf', now)
  ready = ready + due
  delayed = delayed + redis.call('ZCARD', set) - due
end
return {ready, in_hand, delayed, oldest and math.max(0, now - oldest) or -1}`,
);

/**
 * The groups of a topic. KEYS: stream of the topic. ARGV: start of the names of what belongs to one group. Replies a list of
 * (name, living consumers).
 */
export const GROUPS = script(
  'groups',
  `${NOW}${GROUP_STATE}
local now = server_now()
local result = {}
for _, state in ipairs(states(KEYS[1])) do
  local living = redis.call('ZCOUNT', ARGV[1] .. state.name .. ':consumers', now, '+inf')
  result[#result + 1] = {state.name, living}
end
return result`,
);

/**
 * Forgets a group with everything that was kept for it alone. KEYS: stream of the topic, then what belongs to the group: stream,
 * sorted set, consumers, crashes, locks, what waits behind its key. ARGV: group. Replies -1 while a consumer lives, else how many
 * streams knew the group.
 */
export const REMOVE_GROUP = script(
  'remove-group',
  `${NOW}
if redis.call('ZCOUNT', KEYS[4], server_now(), '+inf') > 0 then return -1 end
local removed = redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
return type(removed) == 'number' and removed or 0`,
);
