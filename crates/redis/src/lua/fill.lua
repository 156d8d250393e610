-- KEYS: as for get. ARGV: name, ttl of states, state, tenant state and key space of the miss, key space, ttl of the entries,
-- fields and values.
-- Returns the tenant version, or nothing if a write began since.
if redis.call('EXISTS', KEYS[2], KEYS[4]) > 0 or current(KEYS[3]) ~= ARGV[3] or current(KEYS[5]) ~= ARGV[4]
  or ARGV[5] ~= ARGV[6] then
  return false
end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[5], ARGV[2])
local tenant = ARGV[4]
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'tenant', tenant)
for at = 8, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return tenant
