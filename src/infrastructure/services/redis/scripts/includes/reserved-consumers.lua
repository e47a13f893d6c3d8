--[[
  Names in the consumer lists of the server behind which no process stands: they hold entries that wait behind their key, and
  entries that were given back unhandled.
]]
local WAITING = '~waiting'
local RETURNED = '~returned'
