-- KEYS: writes and state, of each session or of the tenant. ARGV: name, ttl of states, time until a write is abandoned.
-- Returns the states before; '' where another write is under way, so that nobody knows their order.
local before = {}
for at = 1, #KEYS, 2 do
  local busy = under_way(KEYS[at], KEYS[at + 1], ARGV[1], ARGV[2])
  before[#before + 1] = busy and '' or current(KEYS[at + 1])
  redis.call('ZADD', KEYS[at], now + ARGV[3], ARGV[1])
  redis.call('PEXPIRE', KEYS[at], ARGV[3] * 2)
  redis.call('SET', KEYS[at + 1], ARGV[1], 'PX', ARGV[2])
end
return before
