--[[
  Writes an entry of the control store.

  Input:
    KEYS[1] hash of the values
    ARGV[1] key
    ARGV[2] value
    ARGV[3] revision that it must have, 0 when it must not exist, or empty
    ARGV[4] ms after which it expires, or empty
    ARGV[5] most entries
  Output:
    (written, conflict, full or newer; the entry that is there now, or empty; the format of a newer version, or 0)
]]
--- @include "includes/control.lua"

local key = ARGV[1]
local found, newer = entry_of(key)
if newer then return {'newer', {}, newer} end
if ARGV[3] ~= '' and (found and found[3] or '0') ~= ARGV[3] then return {'conflict', found or {}, 0} end
if not found and redis.call('HLEN', values) >= tonumber(ARGV[5]) then return {'full', {}, 0} end
local revision = next_revision()
redis.call('HSET', values, key, string.format('%d:', FORMATS.control) .. revision .. ':' .. ARGV[2])
redis.call('ZADD', keys, 0, key)
redis.call('ZADD', changed, revision, key)
redis.call('ZREM', removed, key)
if ARGV[4] == '' then redis.call('ZREM', expiry, key) else redis.call('ZADD', expiry, now + tonumber(ARGV[4]), key) end
return {'written', entry_of(key), 0}
