-- For wrk: asks for or posts what a file says, line by line and round about. Called by tests/bench/secure.
--
--   wrk -s secure.lua URL -- FILE FROM THREADS
--
-- A line has a path, headers (`Name: value`, with bytes 31 between them) and a body, with tabs between; without a body it is a GET. A body has two
-- places for the number of the request, the first of which is FROM. Ends with one line of figures in JSON.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  from, count = tonumber(args[2]), tonumber(args[3])
  lines, made = {}, 0
  for line in io.lines(args[1]) do
    local path, named, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    for name, value in named:gmatch("([^:\31]+): ([^\31]*)") do headers[name] = value end
    local one = {path = path, headers = headers}
    if body == "" then
      one.whole = wrk.format("GET", path, headers)
    else
      one.body = body
    end
    table.insert(lines, one)
  end
end

function request()
  local slot = from + made * count + number
  made = made + 1
  local one = lines[slot % #lines + 1]
  return one.whole or wrk.format("POST", one.path, one.headers, string.format(one.body, slot, slot))
end

function done(summary, latency, requests)
  local most = 0
  for _, thread in ipairs(threads) do most = math.max(most, thread:get("made")) end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"made":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"p50_ms":%f,"p99_ms":%f,"max_ms":%f}\n',
    summary.requests, summary.duration / 1e6, most, errors.status, errors.connect, errors.read, errors.write, errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
