import { script } from '../redis-script.js';

/** What stands for a handled message; a token cannot look like it. */
const DONE = 'done';

/**
 * KEYS: the claim. ARGV: token, lease in ms. Replies "fresh", "done", or the ms that the lease of somebody else still runs.
 * A repetition whose first reply was lost finds its own token and is fresh as well.
 */
export const BEGIN = script(
  'begin',
  `
local holder = redis.call('GET', KEYS[1])
if holder == '${DONE}' then return '${DONE}' end
if holder and holder ~= ARGV[1] then return redis.call('PTTL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'fresh'`,
);

/** KEYS: the claim. ARGV: token, window in ms. */
export const COMPLETE = script(
  'complete',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], '${DONE}', 'PX', ARGV[2]) else redis.call('DEL', KEYS[1]) end
return 1`,
);

/** KEYS: the claim. ARGV: token. */
export const RELEASE = script(
  'release',
  `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`,
);
