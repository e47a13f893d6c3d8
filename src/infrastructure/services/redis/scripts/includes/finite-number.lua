--[[
  A number that another client may have replaced by anything.

  Output of finite:
    the number, or nil for what is missing, no number, infinite or "nan"
]]
local function finite(text)
  local number = tonumber(text)
  if not number or number ~= number or math.abs(number) == math.huge then return nil end
  return number
end
