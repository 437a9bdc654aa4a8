/** Lua scripts that Redis runs atomically for the revocation stream. */

/**
 * Appends a revocation and writes its tombstones. Returns the stream id, or nil if the first tombstone is later than
 * `ARGV[4]`. KEYS: stream, head, tombstones. ARGV: text, retention in ms, maximum length, latest allowed tombstone or ''.
 */
export const PUBLISH_SCRIPT = `
local head = redis.call('GET', KEYS[2]) or '0-0'
if ARGV[4] ~= '' then
  local function parts(id)
    local time, number = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(time or -1), tonumber(number or -1)
  end
  local a, b = parts(redis.call('GET', KEYS[3]) or '0-0')
  local c, d = parts(ARGV[4])
  if a > c or (a == c and b > d) then return false end
end
local now = redis.call('TIME')
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 't', ARGV[1], 'p', head)
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', math.max(0, now[1] * 1000 - ARGV[2])))
redis.call('SET', KEYS[2], id)
for i = 3, #KEYS do redis.call('SET', KEYS[i], id, 'PX', ARGV[2]) end
return id`

/** Returns the head of the stream and the messages of the last `ARGV[1]` ms. KEYS: stream, head. */
export const READ_RECENT_SCRIPT = `
local now = redis.call('TIME')
local from = string.format('%.0f', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]))
return { redis.call('GET', KEYS[2]) or '0-0', redis.call('XRANGE', KEYS[1], from, '+') }`
