-- KEYS: entries, writes, state, tenant writes, tenant state. ARGV: name, ttl, version and tenant
-- version of the near copy, key space.
-- Returns {'busy'}, {'miss', state, tenant state, key space}, {'near'} or {'hit', state, tenant state, fields}.
if under_way(KEYS[4], KEYS[5], ARGV[1], ARGV[2]) or under_way(KEYS[2], KEYS[3], ARGV[1], ARGV[2]) then
  return { 'busy' }
end
local state, tenant = named(KEYS[3], ARGV[1], ARGV[2]), named(KEYS[5], ARGV[1], ARGV[2])
local version = redis.call('HMGET', KEYS[1], 'version', 'tenant')
if version[1] ~= state or version[2] ~= tenant then
  return { 'miss', state, tenant, ARGV[5] }
end
if state == ARGV[3] and tenant == ARGV[4] then
  return { 'near' }
end
return { 'hit', state, tenant, redis.call('HGETALL', KEYS[1]) }
