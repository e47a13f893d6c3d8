--[[
  Makes the stream of an inbox, or keeps it for longer. The server deletes that of a process that is gone.

  Input:
    KEYS[1] stream of the inbox
    ARGV[1] how long it is kept, in ms
  Output:
    1
]]
local id = redis.call('XADD', KEYS[1], '*', 'open', '')
redis.call('XDEL', KEYS[1], id)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
