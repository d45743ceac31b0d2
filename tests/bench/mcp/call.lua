-- wrk -s call.lua URL -- JOBS: each request calls get_job for another of the jobs in that file, under an id of its own.
local jobs, asked = {}, 0
local threads = {}
failed = 0  -- global: done() reads it from the thread

function setup(thread) table.insert(threads, thread) end

function init(args)
  for job in io.lines(args[1]) do jobs[#jobs + 1] = job end
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json, text/event-stream"
end

function request()
  asked = asked + 1
  return wrk.format("POST", nil, nil, '{"jsonrpc":"2.0","id":' .. asked ..
    ',"method":"tools/call","params":{"name":"get_job","arguments":{"job":"' .. jobs[asked % #jobs + 1] .. '"}}}')
end

function response(status, headers, body)
  if status ~= 200 or not body:find('"structuredContent":{', 1, true) or body:find('"isError":true', 1, true) then failed = failed + 1 end
end

function done()
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("failed") end
  print("Failed calls: " .. all)
end
