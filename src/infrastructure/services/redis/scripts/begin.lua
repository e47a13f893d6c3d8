--[[
  Claims a message, so that it is handled once. A repetition after a lost reply finds its own token and is fresh again.

  Input:
    KEYS[1] claim of the message
    ARGV[1] token of the handler run
    ARGV[2] lease, in ms
  Output:
    "fresh", "done", or the ms until the lease of another token expires, at most the lease of this one; (these ms, the format) for a
    claim of a newer version, which may say that the message is handled

  A claim without an end is foreign, because each of ours has one: it counts as expired.
]]
--- @include "includes/claims.lua"

local holder, newer = claim_of(redis.call('GET', KEYS[1]))
local left = redis.call('PTTL', KEYS[1])
if newer then return {left >= 0 and math.min(left, tonumber(ARGV[2])) or tonumber(ARGV[2]), newer} end
if left >= 0 then
  if holder == DONE then return DONE end
  if holder ~= ARGV[1] then return math.min(left, tonumber(ARGV[2])) end
end
redis.call('SET', KEYS[1], STAMP .. ARGV[1], 'PX', ARGV[2])
return 'fresh'
