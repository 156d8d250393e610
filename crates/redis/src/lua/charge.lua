-- Generic cell rate algorithm. KEYS: a limit each. ARGV: cost, then of each limit the microseconds to regain a unit, and the
-- burst. Charges all limits or none. Returns what remains of each burst; or the number of the limit that refuses, negative,
-- and the microseconds to wait.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ends, remaining = {}, {}
for at = 1, #KEYS do
  local interval, burst = tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1])
  local cost = math.min(tonumber(ARGV[1]), burst)
  local spent = math.max(tonumber(redis.call('GET', KEYS[at]) or 0), now)
  ends[at] = spent + interval * cost
  local early = ends[at] - interval * burst - now
  if early > 0 then
    return { -at, math.ceil(early) }
  end
  remaining[at] = math.floor(-early / interval)
end
for at = 1, #KEYS do
  redis.call('SET', KEYS[at], string.format('%.3f', ends[at]), 'PX', math.ceil((ends[at] - now) / 1000) + 1)
end
return remaining
