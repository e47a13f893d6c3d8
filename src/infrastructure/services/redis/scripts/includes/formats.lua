--[[
  Formats of what other versions have written. FORMATS holds the numbers that this version knows; ports/formats.ts has their meaning.

  Entries of a newer version are pending with a consumer of their own, "~format-<number>", until a process that knows the number takes
  them over. A consumer of a newer version has its number at the end of its name: "<name>~<number>".
]]
local function aside_format(consumer) return tonumber(string.match(consumer, '^~format%-(%d+)$')) end
local function is_newer_consumer(consumer)
  local aside = aside_format(consumer)
  if aside then return aside > FORMATS.message end
  return (tonumber(string.match(consumer, '~(%d+)$')) or 1) > FORMATS.lease
end
