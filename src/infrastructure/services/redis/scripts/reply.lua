--[[
  Adds replies to the stream of an inbox. In one step, because the server wakes a blocked reader after each command: one that is
  added alone is read alone.

  Input:
    KEYS[1] stream of the inbox
    then id, headers and body of each reply
  Output:
    1 when all are taken, 0 when there is no such inbox, else a list of (index, error) pairs; the others are taken
]]
local failures
for i = 1, #ARGV, 3 do
  local reply = redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', '*', 'id', ARGV[i], 'headers', ARGV[i + 1], 'body', ARGV[i + 2])
  if not reply then return 0 end
  if type(reply) == 'table' and reply.err then
    failures = failures or {}
    failures[#failures + 1] = (i + 2) / 3
    failures[#failures + 1] = reply.err
  end
end
return failures or 1
