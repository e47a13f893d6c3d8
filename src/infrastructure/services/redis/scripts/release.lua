--[[
  Releases a claim, so that the message can be handled again.

  Input:
    KEYS[1] claim of the message
    ARGV[1] token of the handler run
  Output:
    1
]]
--- @include "includes/claims.lua"

if claim_of(redis.call('GET', KEYS[1])) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
