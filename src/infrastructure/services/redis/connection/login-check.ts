import type { Cluster, Redis } from '../client/ioredis-client.js';
import { LoginMismatch, replyCode } from '../client/redis-errors.js';
import type { ServerAddresses } from './server-addresses.js';

/**
 * Checks that a new connection has the database and the user that were asked for. The client continues with database 0
 * and the default user where the server refuses them.
 *
 * @returns what is not as asked, or undefined. Rejects when the connection is lost meanwhile.
 */
export async function checkLogin(
  client: Pick<Redis | Cluster, 'call'>,
  { common }: Pick<ServerAddresses, 'common'>,
): Promise<LoginMismatch | undefined> {
  return (await checkDatabase(client, common.db ?? 0)) ?? (await checkUser(client, common.username));
}

async function checkDatabase(
  client: Pick<Redis | Cluster, 'call'>,
  database: number,
): Promise<LoginMismatch | undefined> {
  if (database === 0) return undefined;
  const { refused } = await answerOf(client.call('select', [database]));
  if (refused === undefined) return undefined;
  const why = refused === 'NOPERM' ? 'the user may not select' : 'it does not have';
  return new LoginMismatch(
    `database ${database} is configured, which ${why} (${refused}). Configure another one, or allow it on the server`,
  );
}

async function checkUser(
  client: Pick<Redis | Cluster, 'call'>,
  username: string | null | undefined,
): Promise<LoginMismatch | undefined> {
  if (username === undefined || username === null) return undefined;
  const { refused, reply } = await answerOf(client.call('acl', ['WHOAMI']));
  if (refused === 'NOPERM' || reply === username) return undefined; // a user may lack the permission to ask
  const found = refused === undefined ? 'it has logged in another one' : `it has no users (${refused})`;
  return new LoginMismatch(`a user is configured, and ${found}. Correct the user, or configure none`);
}

/** The reply, or the code of the server's refusal. */
async function answerOf(
  call: Promise<unknown>,
): Promise<{ readonly reply?: unknown; readonly refused?: string }> {
  try {
    return { reply: await call };
  } catch (error) {
    const refused = replyCode(error);
    if (refused === undefined) throw error;
    return { refused };
  }
}
