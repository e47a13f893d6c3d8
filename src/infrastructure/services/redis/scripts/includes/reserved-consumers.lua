--[[
  Consumers of the group without a process: they hold the entries that wait for their key, and the entries that were returned
  unhandled.
]]
local WAITING = '~waiting'
local RETURNED = '~returned'
