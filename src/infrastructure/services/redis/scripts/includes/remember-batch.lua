--[[
  End of every publishing script: returns the failures, or stores the number of the batch and returns 1.

  The numbers expire after five to ten minutes, far beyond any deadline for the repetition of a batch. Not every batch renews that
  time, because a write costs the server ten times a read, and more for its append-only file.
]]
if failures then return failures end
redis.pcall('HSET', batches, place, number)
if redis.call('PTTL', batches) < 300000 then redis.pcall('PEXPIRE', batches, 600000) end
return 1
