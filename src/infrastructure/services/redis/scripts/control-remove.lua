--[[
  Removes an entry of the control store.

  Input:
    KEYS[1] hash of the values
    ARGV[1] key
    ARGV[2] revision that it must have, or empty
  Output:
    (1, or 0 when there is no such entry; the format of a newer version whose entry it is, or 0)
]]
--- @include "includes/control.lua"

local found, newer = entry_of(ARGV[1])
if newer then return {0, newer} end
if not found or (ARGV[2] ~= '' and found[3] ~= ARGV[2]) then return {0, 0} end
remove(ARGV[1])
return {1, 0}
