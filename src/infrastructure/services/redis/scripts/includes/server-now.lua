--[[
  Milliseconds of the server's clock, the one that all processes share.
]]
local function server_now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
