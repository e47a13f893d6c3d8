--[[
  Compares ids of stream entries, "milliseconds-number", as numbers.
]]
local function parts(id)
  local ms, nth = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(nth)
end
local function before(a, b)
  local ams, anth = parts(a)
  local bms, bnth = parts(b)
  if ams ~= bms then return ams < bms end
  return anth < bnth
end
