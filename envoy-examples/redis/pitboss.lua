#!lua name=pitboss

-- Redis's side of bet-priority's rate limits of scope `fleet` (Redis 7 or later). Load it once:
--
--   redis-cli -x FUNCTION LOAD REPLACE < pitboss.lua
--
-- Functions are kept over restarts and copied to replicas, unlike scripts.

-- FCALL pitboss_lease 1 KEY EMISSION FULL WANT LEAST NONCE
--
-- Grants up to WANT tokens of a counter, or none where there are less than LEAST. The counter is the time at which all
-- that was granted is paid off, in microseconds by this server's clock: EMISSION is the time of one token, FULL that of
-- the burst. Returns the nonce, the tokens, and the microseconds until there are LEAST.
local function lease(keys, arguments)
  local emission, full = tonumber(arguments[1]), tonumber(arguments[2])
  local want, least = tonumber(arguments[3]), tonumber(arguments[4])
  local nonce = arguments[5]
  local sound = #keys == 1 and nonce and emission and full and want and least
  if not sound or emission < 1 or full < emission or least < 1 or want < least then
    return redis.error_reply('ERR pitboss_lease expects KEY EMISSION FULL WANT LEAST NONCE')
  end
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local paid = tonumber(redis.call('GET', keys[1]) or '0') or 0
  -- A debt beyond the burst is older than a step of the clock backwards.
  local debt = math.min(math.max(paid - now, 0), full)
  local granted = math.min(want, math.floor((full - debt) / emission))
  if granted < least then
    return { nonce, 0, math.max(least * emission + debt - full, 1) }
  end
  debt = debt + granted * emission
  -- A counter that is paid off is the same as none.
  redis.call('SET', keys[1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 1000)
  return { nonce, granted, 0 }
end

redis.register_function('pitboss_lease', lease)
