-- KEYS: entries, writes, state, tenant state. ARGV: name, state before, maximum number of fields, another name, ttl of states,
-- operations:
-- 'put' id payload vector terms, 'update' id payload, 'embed' id payload-before payload vector, 'remove' id; or 'unknown'.
-- Returns the tenant version if the entries follow the write; removes them otherwise.
-- Without the announcement a reader may have taken what was before the write: nothing from before is good.
local announced = redis.call('ZREM', KEYS[2], ARGV[1]) == 1
local version = redis.call('HMGET', KEYS[1], 'version', 'tenant')
local function follow()
  if not announced or ARGV[2] == '' or current(KEYS[3]) ~= ARGV[1] or version[1] ~= ARGV[2] or version[2] ~= current(KEYS[4]) then
    return false
  end
  local at = 6
  while at <= #ARGV do
    local verb, id = ARGV[at], ARGV[at + 1]
    if verb == 'put' then
      redis.call('HSET', KEYS[1], 'c' .. id, ARGV[at + 2], 'v' .. id, ARGV[at + 3], 't' .. id, ARGV[at + 4])
      at = at + 5
    elseif verb == 'remove' then
      redis.call('HDEL', KEYS[1], 'c' .. id, 'v' .. id, 't' .. id)
      at = at + 2
    elseif verb == 'unknown' or redis.call('HEXISTS', KEYS[1], 'c' .. id) == 0 then
      -- It came to this level, and its vector is not known here; or the outcome is unknown.
      return false
    elseif verb == 'update' then
      redis.call('HSET', KEYS[1], 'c' .. id, ARGV[at + 2])
      at = at + 3
    elseif redis.call('HGET', KEYS[1], 'c' .. id) == ARGV[at + 2] then
      redis.call('HSET', KEYS[1], 'c' .. id, ARGV[at + 3], 'v' .. id, ARGV[at + 4])
      at = at + 5
    else
      return false
    end
  end
  redis.call('HSET', KEYS[1], 'version', ARGV[1])
  return redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[3])
end
if follow() then
  return version[2]
end
redis.call('DEL', KEYS[1])
if not announced then
  redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5])
end
return false
