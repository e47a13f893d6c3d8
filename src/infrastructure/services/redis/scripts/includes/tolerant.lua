--[[
  Reads and writes keys that another client may have spoilt: a key of another type, or a stream whose ids are used up, costs only
  what it holds.

  Input of tolerant:
    a command, its key, and the rest of the command
  Output of tolerant:
    the reply, or nil when the key is spoilt
  Leaves behind:
    spoilt, the list of such keys
]]

local spoilt = {}
local function tolerant(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  local is_spoilt = string.find(reply.err, 'WRONGTYPE', 1, true) or string.find(reply.err, 'exhausted', 1, true)
  -- Again, so that any other error leaves the script as the server words it.
  if not is_spoilt then return redis.call(command, key, ...) end
  for _, known in ipairs(spoilt) do
    if known == key then return nil end
  end
  spoilt[#spoilt + 1] = key
  return nil
end
