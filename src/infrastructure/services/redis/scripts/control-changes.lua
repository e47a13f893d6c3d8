--[[
  What has changed in the control store since a revision.

  Input:
    KEYS[1] hash of the values
    ARGV[1] start of the keys that are of interest
    ARGV[2] revision
    ARGV[3] most changes that are examined
  Output:
    (1 when not all changes since then are known; the revision to ask with the next time; changes as (key, entry or empty), oldest
    first; the highest format of a newer version whose entries were left out, or 0)
]]
--- @include "includes/control.lua"

local prefix, since, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local revision = number_of('revision')
local last = string.format('%d', revision)
if since == revision then return {0, last, {}, 0} end
if since > revision or since < number_of('floor') then return {1, last, {}, 0} end
local found = {}
local function read(index)
  local members = redis.call('ZRANGEBYSCORE', index, '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  for nth = 1, #members, 2 do found[#found + 1] = {members[nth], tonumber(members[nth + 1])} end
end
read(changed)
read(removed)
table.sort(found, function(a, b) return a[2] < b[2] end)
-- There may be more behind them.
if #found >= limit then last = string.format('%d', found[limit][2]) end
local changes, highest = {}, 0
for nth = 1, math.min(limit, #found) do
  local key = found[nth][1]
  if string.sub(key, 1, #prefix) == prefix then
    local entry, newer = entry_of(key)
    highest = math.max(highest, newer or 0)
    if not newer then changes[#changes + 1] = {key, entry or {}} end
  end
end
return {0, last, changes, highest}
