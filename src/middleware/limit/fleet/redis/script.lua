-- `Ask::answer` of store.rs, line by line, on the server's clock. Numbers are doubles, in which whole
-- microseconds are exact until the year 2255.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, tolerance, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local cells, floor = tonumber(ARGV[4]), tonumber(ARGV[5])
local debt, hold = tonumber(ARGV[6]), tonumber(ARGV[7])

local kept = redis.call('HMGET', KEYS[1], 'booked', 'turn', 'settled')
local empty = now + tolerance
local furthest = empty + horizon + 61000000
local booked, turn, settled = tonumber(kept[1]), tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
local is_lost = not booked or booked < now
booked = booked or empty
if floor <= furthest then booked = math.max(booked, floor) end
if booked > furthest then booked, turn, settled = empty, 0, 0 end
if debt > 0 and is_lost then
  settled = now + debt
  booked = math.max(booked, settled + tolerance)
end
if hold > 0 then booked = math.max(booked, now + hold + tolerance) end
local first = math.max(booked, now)
local last = empty + horizon
local free = 0
if first <= last then free = math.floor((last - first) / interval) + 1 end
local given = math.min(cells, math.max(math.floor(free / 2), 1), free)
if cells > 0 and given == 0 then turn = math.max(turn + interval, first - last + now) end
if given > 0 then booked = first + given * interval end

local whole = function(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'booked', whole(booked), 'turn', whole(turn), 'settled', whole(settled))
redis.call('PEXPIRE', KEYS[1], whole(math.ceil(math.max(booked - now, 0) / 1000) + 60000))
return {now, first, given, turn, settled}
