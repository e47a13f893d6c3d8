--[[
  Claims of messages: "<format>:<token>", or "<format>:done" for a handled message. Versions before the formats had numbers wrote
  them without the number.

  Output of claim_of:
    the text behind the number, or nil; the format when it is of a newer version, else nil
]]

-- Value of a handled message; no token is equal to it.
local DONE = 'done'
local STAMP = string.format('%d:', FORMATS.claim)
local function claim_of(value)
  if not value then return nil end
  local format, text = string.match(value, '^(%d+):(.*)$')
  local number = tonumber(format)
  if number and number > FORMATS.claim and number <= 1000 then return nil, number end
  return text or value
end
