-- KEYS: tenant writes, tenant state. ARGV: name, another name, ttl of states.
-- Without the announcement a reader may have taken what was before the write: nothing from before is good.
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
return 1
