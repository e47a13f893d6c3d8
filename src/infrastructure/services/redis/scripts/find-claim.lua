--[[
  Looks whether a message is claimed or handled, and changes nothing.

  Input:
    KEYS[1] claim of the message
  Output:
    "done", "busy", or "none"; "none" also for a claim of a newer version, which cannot be read, and for one without an end
]]
--- @include "includes/claims.lua"

local holder = claim_of(redis.call('GET', KEYS[1]))
if not holder or redis.call('PTTL', KEYS[1]) < 0 then return 'none' end
return holder == DONE and DONE or 'busy'
