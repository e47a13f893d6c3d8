--[[
  End of every script that takes messages: replies the failures, or remembers the batch and replies 1.

  The batches expire after five to ten minutes, far longer than any deadline after which a batch could still be sent again.
  Not every batch moves that time, because a write costs the server ten times what looking costs, and half of that again for
  its append-only file.
]]
if failures then return failures end
redis.pcall('HSET', batches, place, number)
if redis.call('PTTL', batches) < 300000 then redis.pcall('PEXPIRE', batches, 600000) end
return 1
