import { replyCode, topologyMissing } from '../client/redis-errors.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import type { Argument } from '../scripts/script-call.js';
import { TopicKeys } from './redis-keys.js';

/** A call that changes nothing that lasts, for each command that the transport uses. Names as ACL rules have them. */
function probes(prefix: string): readonly (readonly [rule: string, ...call: [string, ...Argument[]]])[] {
  const { log: key } = new TopicKeys(prefix, '~verify');
  const scratch = `${key}:${process.pid}`;
  return [
    ['ping', 'ping'],
    ['set', 'set', `${prefix}ping`, 1, 'PX', 1],
    ['time', 'time'],
    ['eval', 'eval', 'return 1', 0],
    // Of a script that does not exist: permitted when the reply is NOSCRIPT.
    ['evalsha', 'evalsha', '0'.repeat(40), 0],
    ['xadd', 'xadd', key, 'NOMKSTREAM', '*', 'a', 'b'],
    ['xreadgroup', 'xreadgroup', 'GROUP', 'g', 'c', 'STREAMS', key, '>'],
    ['xread', 'xread', 'STREAMS', key, '0'],
    ['xack', 'xack', key, 'g', '0-1'],
    ['xclaim', 'xclaim', key, 'g', 'c', 0, '0-1'],
    ['xpending', 'xpending', key, 'g'],
    ['xrange', 'xrange', key, '-', '+'],
    ['xdel', 'xdel', key, '0-1'],
    ['xtrim', 'xtrim', key, 'MAXLEN', 0],
    ['xgroup|delconsumer', 'xgroup', 'DELCONSUMER', key, 'g', 'c'],
    ['xgroup|destroy', 'xgroup', 'DESTROY', key, 'g'],
    ['xinfo|stream', 'xinfo', 'STREAM', key],
    ['xinfo|groups', 'xinfo', 'GROUPS', key],
    ['xinfo|consumers', 'xinfo', 'CONSUMERS', key, 'g'],
    ['zadd', 'zadd', scratch, 'XX', 1, 'a'],
    ['zrem', 'zrem', scratch, 'a'],
    ['zrange', 'zrange', scratch, 0, 0],
    ['zrangebyscore', 'zrangebyscore', scratch, 0, 0],
    ['zrangebylex', 'zrangebylex', scratch, '-', '+'],
    ['zrevrangebylex', 'zrevrangebylex', scratch, '+', '-'],
    ['zcard', 'zcard', scratch],
    ['zcount', 'zcount', scratch, 0, 0],
    ['zscore', 'zscore', scratch, 'a'],
    ['hset', 'hset', scratch, 'a', 1],
    ['pexpire', 'pexpire', scratch, 1_000],
    ['pttl', 'pttl', scratch],
    ['hget', 'hget', scratch, 'a'],
    ['hgetall', 'hgetall', scratch],
    ['hexists', 'hexists', scratch, 'a'],
    ['hincrby', 'hincrby', scratch, 'a', 1],
    ['hdel', 'hdel', scratch, 'a'],
    ['unlink', 'unlink', scratch],
  ];
}

/**
 * Checks that the user may run every command on the keys of this prefix, by running each without a lasting effect: this works on
 * every version, and needs no permission for ACL DRYRUN.
 *
 * @throws MessagingError `TOPOLOGY_MISSING` with the ACL rule to add.
 */
export async function verifyPermissions(
  connection: RedisConnection,
  { keyPrefix, username }: { readonly keyPrefix: string; readonly username: string },
): Promise<void> {
  const refused = new Set<string>();
  for (const [rule, command, ...args] of probes(keyPrefix)) {
    try {
      await connection.call(command, ...args);
    } catch (error) {
      // Any other reply, such as NOGROUP, comes from a command that is permitted.
      if (replyCode(error) === undefined) throw error;
      if (replyCode(error) === 'NOPERM') refused.add(isOfKey(error) ? `~${keyPrefix}*` : `+${rule}`);
    }
  }
  if (refused.size === 0) return;
  throw topologyMissing(connection.label, [`ACL SETUSER ${username} ${[...refused].join(' ')}`]);
}

function isOfKey(error: unknown): boolean {
  return (
    error instanceof Error && /access one of the keys|No permissions to access a key/i.test(error.message)
  );
}
