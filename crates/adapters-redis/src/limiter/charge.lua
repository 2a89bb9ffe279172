-- Charges a key once, or refunds a charge: GCRA, whose rule and answers are the domain's.
-- ARGV: now; the interval to add, negative for a refund; the tolerance; all in microseconds.
-- Returns the theoretical arrival time that was stored before, or nil.
local stored = redis.call('GET', KEYS[1])
local now, step, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local after = math.max(tonumber(stored) or now, now) + step
if after <= now then
  redis.call('DEL', KEYS[1])
elseif step < 0 or after - now <= tolerance then
  -- Once this time has passed, the whole quota is available, and nothing need be remembered.
  redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
end
return stored
