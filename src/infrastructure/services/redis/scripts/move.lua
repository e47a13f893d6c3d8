--[[
  Moves the due messages of a sorted set to a stream.

  Input:
    KEYS[1] sorted set
    KEYS[2] stream
  Output:
    in how many ms the next is due, 0 when there is more to move, nil when nothing waits
]]
--- @include "includes/server-now.lua"
--- @include "includes/tolerant.lua"
--- @include "includes/packed-message.lua"
--- @include "includes/move-due.lua"

local next_ms = move_due(KEYS[1], KEYS[2], server_now(), 0)
return next_ms
