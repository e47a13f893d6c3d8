--[[
  Reads the state of each group of a stream.

  Output of states:
    a list of {name, read (last id that was read), pending (unsettled entries), oldest (oldest unsettled id or nil),
    lag (unread entries; nil where the server does not know it)}; empty when there is no stream.
]]
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
