--[[
  Marks a claimed message as handled.

  Input:
    KEYS[1] claim of the message
    ARGV[1] token of the handler run
    ARGV[2] window, in ms; 0 forgets the message at once
  Output:
    1, or 0 when the claim is no longer held
]]

--- @include "includes/claims.lua"

if claim_of(redis.call('GET', KEYS[1])) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], STAMP .. DONE, 'PX', ARGV[2]) else redis.call('DEL', KEYS[1]) end
return 1
