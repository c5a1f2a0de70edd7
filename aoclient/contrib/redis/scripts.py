"""The rate in Redis. Everything is counted in microseconds of the server's own clock; no machine's clock matters.

Three keys for an account: ``out``, the permits whose request has no answer yet, by when they count as arrived;
``back``, those that were answered, by when they are free again; ``pace``, a hash of the time of the next even permit
(``next``), the end of the hold after a 429 (``hold``), and when the next of those comes back for whom there was no turn
(``later``).
"""

from aoclient.contrib.redis.link import Script

HELD, TURN, LATER = 0, 1, 2
"""First number of an answer of `TAKE`; the second is microseconds: of the hold, until the turn, until to ask again."""

UNSENT = "unsent"
"""In place of the age of an answer: the permit comes back at once."""

# Permits that come back, in pairs of a name and the microseconds since the answer, after the first ARGV.
_REPORTED = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local out, back, pace = KEYS[1], KEYS[2], KEYS[3]
local per = tonumber(ARGV[1])

local function keep(key, until_then)
  local milliseconds = math.ceil((until_then - now) / 1000) + 1000
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
end

local function free_at(name, at)
  redis.call('ZADD', back, at, name)
  keep(back, at)
end

local function reported(first)
  for i = first, #ARGV, 2 do
    if redis.call('ZREM', out, ARGV[i]) == 1 and ARGV[i + 1] ~= 'unsent' then
      free_at(ARGV[i], now - ARGV[i + 1] + per)
    end
  end
end

local hold = tonumber(redis.call('HGET', pace, 'hold') or 0)
"""

# ARGV: window, permits in it, name, horizon, time in flight at most, 1 after an absence of Redis, 1 for one who comes
# back, reported ones.
# A lease as in `aoclient.senders.pace.Lease`, and GCRA within it: a tenth may go at once, the others evenly. A turn is
# reserved, so that nobody has to come back for it, as long as there are permits to come. Further ones are told when to
# come back, one every gap, and who is new goes before them only where a permit would lie idle: so each asks twice, and
# none waits for ever.
TAKE = Script(
    _REPORTED
    + """
local calls, name, horizon, flight = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
reported(8)
if hold > now then return {0, hold - now} end
if calls == 0 then return {1, 0} end

local late = redis.call('ZRANGEBYSCORE', out, '-inf', now, 'WITHSCORES')
for i = 1, #late, 2 do
  redis.call('ZREM', out, late[i])
  free_at(late[i], late[i + 1] + per)
end
redis.call('ZREMRANGEBYSCORE', back, '-inf', now)

local gap = per / calls
local even = tonumber(redis.call('HGET', pace, 'next') or 0)
local later = tonumber(redis.call('HGET', pace, 'later') or 0)
local function come_back(soonest)
  local longest = math.max(per, flight)
  local place = math.max(later, soonest, now + math.max(5000, gap / 4))
  if place - now <= horizon then  -- else it is gone by then
    redis.call('HSET', pace, 'later', math.min(place, now + longest) + gap)
    keep(pace, place)
  end
  return {2, math.min(place - now, longest)}
end

local free = calls - redis.call('ZCARD', out) - redis.call('ZCARD', back)
local is_idle = free >= 1 and even <= now  -- those who wait in front do not come for it
if later > now and ARGV[7] ~= '1' and not is_idle then return come_back(now) end
local at = now
if free < 1 then
  local first = redis.call('ZRANGE', back, 0 - free, 0 - free, 'WITHSCORES')
  if #first == 0 then  -- all hang on answers; none comes back before a window after its own turn
    local soonest = redis.call('ZRANGE', out, 0, 0, 'WITHSCORES')[2] - flight + per
    return come_back(soonest)
  end
  at = tonumber(first[2])
end

local tolerance = math.max(0, calls / 10 - 1) * gap
if hold > 0 then even = math.max(even, hold + tolerance) end
if ARGV[6] == '1' then even = math.max(even, now + tolerance) end
at = math.max(at, even - tolerance)
if at - now > horizon then return {2, at - now - horizon} end

even = math.max(even, at) + gap
redis.call('ZADD', out, at + flight, name)
keep(out, at + flight)
redis.call('HSET', pace, 'next', even)
keep(pace, even)
return {1, at - now}
"""
)

# ARGV: window, reported ones. Tells how long the hold lasts.
LOOK = Script(
    _REPORTED
    + """
reported(2)
return math.max(0, hold - now)
"""
)

# ARGV: not used, microseconds from now. The channel with the name of the key tells how long the hold lasts.
HOLD = Script(
    _REPORTED
    + """
hold = math.max(hold, now + ARGV[2])
redis.call('HSET', pace, 'hold', hold)
keep(pace, hold)
redis.call('PUBLISH', pace, hold - now)
"""
)
