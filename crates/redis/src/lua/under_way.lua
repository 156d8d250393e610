-- Shared by the scripts of sessions. All keys of a call are of one tenant.
--
-- entries: hash of one session: `version`, `tenant`, and of each context its payload `c<id>`, vector `v<id>` and terms `t<id>`
-- writes:  sorted set of the writes under way, each until the time at which it counts as abandoned
-- state:   name of the last write, or of the last fill; entries of another version are stale
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Returns true if a write is under way. One that was abandoned has an unknown outcome: the state changes.
local function under_way(writes, state, name, ttl)
  if redis.call('ZREMRANGEBYSCORE', writes, '-inf', now) > 0 then
    redis.call('SET', state, name, 'PX', ttl)
  end
  return redis.call('EXISTS', writes) == 1
end

local function current(state)
  return redis.call('GET', state) or '0'
end

-- Returns the state. One that nobody knows any more gets a name, so that no two states are alike.
local function named(state, name, ttl)
  redis.call('SET', state, name, 'PX', ttl, 'NX')
  return redis.call('GET', state)
end
