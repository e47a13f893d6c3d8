--[[
  Measures the backlog of a group. Servers before version 7 do not count unread entries, so they are counted here, up to a bound.

  Input:
    KEYS[1] stream of the topic
    KEYS[2] sorted set of the topic
    KEYS[3] stream of the group
    KEYS[4] sorted set of the group
    ARGV[1] group
  Output:
    (ready, in flight, delayed, age of the oldest in ms or -1)
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"
--- @include "includes/group-states.lua"
--- @include "includes/entry-ids.lua"
--- @include "includes/reserved-consumers.lua"
--- @include "includes/formats.lua"

local MAX_COUNTED = 10000

local group, now = ARGV[1], server_now()
local ready, in_flight, oldest = 0, 0, nil
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
        lag = #redis.call('XRANGE', stream, '(' .. state.read, '+', 'COUNT', MAX_COUNTED)
      elseif redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1] == first[1] then
        -- The count of the server includes unread entries that another client has trimmed.
        local length = redis.pcall('XLEN', stream)
        if type(length) == 'number' then lag = length end
      end
      ready = ready + lag
      if first then older(first[1]) end
      if state.oldest then older(state.oldest) end
      local set_aside = 0
      for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
        local about = {}
        for f = 1, #info, 2 do about[info[f]] = info[f + 1] end
        if about.name == WAITING or about.name == RETURNED or aside_format(about.name) then set_aside = set_aside + about.pending end
      end
      ready = ready + set_aside
      in_flight = in_flight + state.pending - set_aside
    end
  end
end
if not known then return {0, 0, 0, -1} end
local delayed = 0
for _, set in ipairs({KEYS[2], KEYS[4]}) do
  local due = tolerant('ZCOUNT', set, '-inf', now) or 0
  ready = ready + due
  delayed = delayed + (tolerant('ZCARD', set) or 0) - due
end
return {ready, in_flight, delayed, oldest and math.max(0, now - oldest) or -1}
