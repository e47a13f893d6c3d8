--[[
  Reads a packed message: the list (format, order, id, headers, body, key or false, attempt) as cmsgpack writes it. Versions before
  the formats had numbers wrote it without the first.

  Not with cmsgpack.unpack, because a few bytes of another client can be a list of millions, which the server would build in its
  memory first.

  Output of unpack_message:
    id, headers, body, key or nil, attempt; nothing when the bytes are anything else
  Output of newer_format:
    the number, when a list begins with that of a newer version, which may have any layout behind it; else nil
]]

-- Where the bytes of a text begin and end.
local function text_at(packed, at)
  local kind = string.byte(packed, at)
  if not kind then return nil end
  local length
  if kind >= 0xa0 and kind <= 0xbf then
    length = kind - 0xa0
  elseif kind >= 0xd9 and kind <= 0xdb then
    length = 0
    for _ = 1, 2 ^ (kind - 0xd9) do
      at = at + 1
      local byte = string.byte(packed, at)
      if not byte then return nil end
      length = length * 256 + byte
    end
  end
  if not length or at + length > #packed then return nil end
  return at + 1, at + length
end
local function whole_number_at(packed, at)
  local kind = string.byte(packed, at)
  if not kind then return nil end
  if kind <= 0x7f then return kind, at end
  if kind < 0xcc or kind > 0xce then return nil end
  local number = 0
  for _ = 1, 2 ^ (kind - 0xcc) do
    at = at + 1
    local byte = string.byte(packed, at)
    if not byte then return nil end
    number = number * 256 + byte
  end
  return number, at
end
local function newer_format(packed)
  local kind = string.byte(packed, 1)
  if not kind or kind < 0x91 or kind > 0x9f then return nil end
  local number = whole_number_at(packed, 2)
  if number and number > FORMATS.delayed and number <= 1000 then return number end
  return nil
end
local function unpack_message(packed)
  local kind = string.byte(packed, 1)
  local at = 2
  if kind == 0x97 then
    local number, last = whole_number_at(packed, at)
    if not number or number < 1 or number > FORMATS.delayed then return nil end
    at = last + 1
  elseif kind ~= 0x96 then
    return nil
  end
  local texts = {}
  for part = 1, 4 do
    local from, to = text_at(packed, at)
    if not from then return nil end
    texts[part] = string.sub(packed, from, to)
    at = to + 1
  end
  local key
  if string.byte(packed, at) == 0xc2 then
    at = at + 1
  else
    local from, to = text_at(packed, at)
    if not from then return nil end
    key = string.sub(packed, from, to)
    at = to + 1
  end
  local attempt, last = whole_number_at(packed, at)
  if not attempt or last ~= #packed then return nil end
  return texts[2], texts[3], texts[4], key, attempt
end
