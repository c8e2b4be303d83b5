-- For wrk: each request asks for one of the example's users, drawn evenly; prints one JSON line.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

function init()
  math.randomseed(os.time() + seed)
end

function request()
  return wrk.format("GET", "/predict/" .. math.random(5000))
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}',
                      summary.requests, summary.duration / 1e6, failed, latency:percentile(50),
                      latency:percentile(99)))
end
