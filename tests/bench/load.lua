-- For wrk: posts events, each one different from every other, one a request. Called by tests/bench/load.
--
--   wrk -s load.lua URL -- TEMPLATE FROM THREADS UNITS CENTRES
--
-- TEMPLATE is an event's JSON with places for slot, centre, learner and unit, in this order, numbers all four. A slot is one unit of one
-- learner; the first is FROM. Ends with one line of figures in JSON.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  template = args[1]
  from, count = tonumber(args[2]), tonumber(args[3])
  units, centres = tonumber(args[4]), tonumber(args[5])
  made = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  local slot = from + made * count + number
  made = made + 1
  local learner = math.floor(slot / units)
  return wrk.format(nil, "/v1/events", nil, string.format(template, slot, learner % centres, learner, slot % units))
end

function done(summary, latency, requests)
  local all = {}
  for at, thread in ipairs(threads) do all[at] = thread:get("made") end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"made":[%s],"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"p50_ms":%f,"p99_ms":%f,"max_ms":%f}\n',
    summary.requests, summary.duration / 1e6, table.concat(all, ","), errors.status, errors.connect, errors.read, errors.write,
    errors.timeout, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
