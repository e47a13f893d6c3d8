--[[
  Walks ids in order and returns the dead letters that meet the conditions, without headers and bodies.

  Input:
    KEYS[1] set of all ids
    ARGV[1] index to walk, or empty for all
    ARGV[2] value to look up in the index
    ARGV[3] id to start after, or empty
    ARGV[4] 1 for newest first
    ARGV[5] how many to return; 0 only counts
    ARGV[6] how many to examine
    ARGV[7...] conditions, each as (field, one of "=", ">=" and "<", value)
  Output:
    (last id examined or empty at the end, how many met the conditions, dead letters, the highest format of a newer version whose
    dead letters were left out, or 0)
]]
--- @include "includes/dead-letters.lua"

local index, value, after, newest, want, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])
local from, to = '-', '+'
local key = all
local start = 1
if index ~= '' then
  key = base .. 'by:' .. index
  from = '[' .. value .. '\0'
  to = '(' .. value .. '\1'
  start = #value + 2
end
if after ~= '' then
  local cursor = '(' .. (index ~= '' and (value .. '\0') or '') .. after
  if newest then to = cursor else from = cursor end
end
tidy(key)
local members
if newest then
  members = redis.call('ZREVRANGEBYLEX', key, to, from, 'LIMIT', 0, limit)
else
  members = redis.call('ZRANGEBYLEX', key, from, to, 'LIMIT', 0, limit)
end
local function holds(id)
  for i = 7, #ARGV, 3 do
    local found = of_type('HGET', letter_of(id), ARGV[i])
    if not found then return false end
    local how = ARGV[i + 1]
    if how == '=' then
      if found ~= ARGV[i + 2] then return false end
    else
      local number = tonumber(found)
      if not number or (number >= tonumber(ARGV[i + 2])) ~= (how == '>=') then return false end
    end
  end
  return true
end
local letters = {}
local met = 0
local last = ''
local newer = 0
for nth, member in ipairs(members) do
  local id = string.sub(member, start)
  last = id
  local letter, format
  if holds(id) then letter, format = given(id) end
  if format then newer = math.max(newer, format) end
  if letter then
    met = met + 1
    if want > 0 then
      letters[#letters + 1] = letter
      if #letters == want then return {nth == #members and #members < limit and '' or last, met, letters, newer} end
    end
  end
end
if #members < limit then last = '' end
return {last, met, letters, newer}
