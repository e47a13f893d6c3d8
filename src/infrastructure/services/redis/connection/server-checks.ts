import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { RedisConnection } from './redis-connection.js';
import { replyCode } from '../client/redis-errors.js';

/**
 * Checks the commands and settings of the server. Returns warnings for operators.
 *
 * @throws MessagingError when the server lacks a command that is needed.
 */
export async function checkServer(connection: RedisConnection): Promise<MessagingError[]> {
  await requireCommands(connection);
  return (await durabilityWarnings(connection)) ?? [];
}

/** What the server does not promise. Undefined where it cannot be asked. */
export async function durabilityWarnings(connection: RedisConnection): Promise<MessagingError[] | undefined> {
  const settings = await readSettings(connection);
  if (!settings) return undefined;
  const warnings: string[] = [];
  const policy = settings.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction' && settings.get('maxmemory') !== '0')
    warnings.push(
      `deletes keys when its memory is full (maxmemory-policy ${policy}), and messages with them. Set it to noeviction.`,
    );
  if (settings.get('aof_enabled') === '0')
    warnings.push(
      'keeps no append-only file: a crash loses the writes since its last snapshot. Set appendonly to yes.',
    );
  return warnings.map(
    (warning) => new MessagingError('TRANSPORT_UNAVAILABLE', `${connection.label} ${warning}`),
  );
}

/** By command and not by version, because forks of Redis number their versions differently. */
async function requireCommands(connection: RedisConnection): Promise<void> {
  let known: unknown;
  try {
    known = await connection.call('command', 'INFO', 'xautoclaim');
  } catch (error) {
    if (replyCode(error) !== undefined) return; // because the user may lack the permission; a missing command fails in use
    throw error;
  }
  if (Array.isArray(known) && known.length > 0 && known[0] !== null) return;
  throw new MessagingError(
    'CONFIGURATION',
    `${connection.label} does not support XAUTOCLAIM. Use Redis 6.2 or newer, or any Valkey.`,
  );
}

async function readSettings(connection: RedisConnection): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const sections = await Promise.all([
      connection.call('info', 'memory'),
      connection.call('info', 'persistence'),
    ]);
    const lines = sections.join('\n').split(/\r?\n/);
    return new Map(
      lines.map((line) => line.split(':')).map(([name = '', ...value]) => [name, value.join(':')]),
    );
  } catch {
    return undefined; // because the user may lack the permission
  }
}
