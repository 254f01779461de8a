-- What wrk sends: one request again and again or, where it has a {} or {id}, another number or avatar each time.
-- wrk ... -s load.lua URL -- FIRST METHOD PATH BODY AVATAR...

local number, path, body, fixed
local avatars = {}

function init(arguments)
  number, wrk.method, path, body = tonumber(arguments[1]), arguments[2], arguments[3], arguments[4]
  for index = 5, #arguments do avatars[index - 4] = arguments[index] end
  if body == "" then body = nil end
  if body and body:sub(1, 1) == "@" then
    body = assert(io.open(body:sub(2), "rb")):read("*a")
    fixed = wrk.format(nil, path, nil, body)
    return
  end
  if not (path .. (body or "")):find("{i?d?}") then fixed = wrk.format(nil, path, nil, body) end
end

local function numbered(text)
  if not text then return nil end
  return (text:gsub("{id}", avatars[number % #avatars + 1] or ""):gsub("{}", ("%.0f"):format(number)))
end

function request()
  number = number + 1
  return fixed or wrk.format(nil, numbered(path), nil, numbered(body))
end

function done(summary, latency)
  local errors = 0
  for _, count in pairs(summary.errors) do errors = errors + count end
  local figures = { summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max }
  io.write("\nfigures " .. table.concat(figures, " ") .. " " .. errors .. "\n")
end
