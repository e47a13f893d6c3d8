--[[
  Finds an entry of the control store.

  Input:
    KEYS[1] hash of the values
    ARGV[1] key
  Output:
    (entry as (key, value, revision, ms until it expires or -1), or empty; format of a newer version whose entry it is, or 0)
]]
--- @include "includes/control.lua"

local entry, newer = entry_of(ARGV[1])
return {entry or {}, newer or 0}
