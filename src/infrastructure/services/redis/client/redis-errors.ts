import { MessagingError, type MessagingErrorCode } from '../../../../core/messaging/ports/errors.js';
import {
  type BrokerFailure,
  codeOf,
  isOurs,
  ownFailure,
} from '../../../../core/messaging/transport-kit/broker-failure.js';

/** What the connection does about an error reply, besides passing it on. */
export type Reaction =
  /** Connects again, because the address may lead to another server now, or the login counts again. */
  | 'reconnect'
  /** Asks the cluster where its slots are. */
  | 'refresh'
  | undefined;

/** What an error reply means. A server that replies with an error has not executed the command. */
interface Reply {
  /** What is wrong, and what to do, as the rest of a sentence about the server. */
  readonly text: string;
  /** @default TRANSPORT_UNAVAILABLE */
  readonly code?: MessagingErrorCode;
  /** A repetition fails in the same way. */
  readonly isRefused?: true;
  readonly reaction?: Reaction;
  /** The text of the reply is shown, because it holds no secret and names the cause. */
  readonly isShown?: true;
  /** Why the server rejects the login, in short. */
  readonly rejectsLogin?: string;
  /** Why a server that answers cannot be used, in short. */
  readonly isUseless?: string;
}

/** The one classification of error replies, by their first word. */
const REPLIES: Readonly<Record<string, Reply>> = {
  OOM: {
    text: 'has no memory left (maxmemory). Let handlers catch up, or give it more.',
    code: 'TRANSPORT_FULL',
  },
  MISCONF: {
    text: 'cannot write its snapshots to disk and takes no writes. Look at its log and its disk.',
    isShown: true,
  },
  LOADING: { text: 'is still loading its data. Wait until it is done.' },
  NOREPLICAS: {
    text: 'has too few replicas (min-replicas-to-write) and takes no writes. Bring them back.',
  },
  READONLY: {
    text: 'is a replica and takes no writes. A failover is under way, or the address is wrong.',
    reaction: 'reconnect',
    isUseless: 'it is a replica',
  },
  MASTERDOWN: {
    text: 'is a replica that has lost its primary.',
    reaction: 'reconnect',
    isUseless: 'it is a replica',
  },
  UNBLOCKED: { text: 'has changed its role.', reaction: 'reconnect', isUseless: 'its role has changed' },
  CLUSTERDOWN: {
    text: 'is a cluster that does not serve all slots. Bring the missing nodes back.',
    reaction: 'refresh',
  },
  TRYAGAIN: { text: 'is moving the slot of this topic.', reaction: 'refresh' },
  MOVED: { text: 'is a node of a cluster; configure `cluster` instead of `url`.', reaction: 'refresh' },
  BUSY: { text: 'is busy with a script of another client. Wait for it, or end it with SCRIPT KILL.' },
  UNKILLABLE: {
    text: 'is busy with a script of another client that cannot be ended. Wait for it, or restart the server.',
  },
  NOAUTH: {
    text: 'requires a password. Configure one.',
    reaction: 'reconnect',
    rejectsLogin: 'it requires a password',
  },
  WRONGPASS: {
    text: 'rejects the user and password. Correct them.',
    rejectsLogin: 'it rejects the user and password',
  },
  DENIED: {
    text: 'takes no clients of other machines (protected-mode). Give it a password.',
    rejectsLogin: 'it takes no clients of other machines',
  },
  NOPERM: {
    text: 'does not permit this user the command or key.',
    code: 'FORBIDDEN',
    isRefused: true,
    isShown: true,
  },
  WRONGTYPE: {
    text: 'has a key of another type where a key of this transport should be. Choose another keyPrefix, or remove the key.',
    isShown: true,
  },
  NOGROUP: { text: 'has no such stream or group.', isShown: true },
  ERR: { text: 'answered with an error.', isShown: true },
};
const OTHER_REPLY: Reply = { text: 'answered with an error.' };

/** Thrown by ioredis before anything is written. */
const NOT_SENT = /^(Stream isn.t writeable|Cluster isn.t ready|None of startup nodes|Redis is not connected)/;

/** First word of an error reply, such as `OOM`; undefined for any other error. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return codeIn(error.message);
}

/** Some versions report a missing permission inside a script without a code. */
const NOT_PERMITTED_IN_SCRIPT =
  /\bThe user executing the script can't (run|access)\b|\bACL failure in script\b/;

/**
 * Servers before version 7 put the code of an error inside a script behind its place there, and `ERR` before both; a script that
 * raises such an error again puts another place before it.
 */
function codeIn(text: string): string {
  if (NOT_PERMITTED_IN_SCRIPT.test(text)) return 'NOPERM';
  return (
    /user_script: ?\d+: -?([A-Z][A-Z0-9]*)\b/.exec(text)?.[1] ??
    /^-?([A-Z][A-Z0-9]*)\b/.exec(text)?.[1] ??
    'ERR'
  );
}

/** An error that a script returned as data, as if the server had replied it. */
export function scriptError(text: string): Error {
  return Object.assign(new Error(text), { name: 'ReplyError' });
}

/** What the connection does about it. */
export function reactionTo(error: unknown): Reaction {
  return REPLIES[replyCode(error) ?? '']?.reaction;
}

/**
 * @param wasSent false when the command cannot have reached a server.
 * @param whyDown why the server cannot be reached now, where that is known.
 */
export function failureOf(
  cause: unknown,
  server: string,
  { wasSent = true, whyDown = '' }: { readonly wasSent?: boolean; readonly whyDown?: string } = {},
): BrokerFailure {
  if (isOurs(cause)) return ownFailure(cause, wasSent);
  const code = replyCode(cause);
  if (code !== undefined) return ofReply(code, cause as Error, server);
  const message = cause instanceof Error ? cause.message : '';
  const isCertain = !wasSent || NOT_SENT.test(message);
  const text = isCertain
    ? `${server} is not connected${whyDown}. It reconnects by itself.`
    : `The connection to ${server} was lost while a command was in flight.`;
  return {
    kind: isCertain ? 'unavailable' : 'unknown',
    error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
  };
}

function ofReply(code: string, cause: Error, server: string): BrokerFailure {
  if (code === 'NOSTREAM')
    return {
      kind: 'unavailable',
      error: topologyMissing(server, [`XGROUP CREATE ${streamIn(cause.message)} <group> 0 MKSTREAM`]),
    };
  const reply = REPLIES[code] ?? OTHER_REPLY;
  const shown = reply.isShown ? ` Reply: ${clean(cause.message)}` : '';
  return {
    kind: reply.isRefused ? 'refused' : 'unavailable',
    error: new MessagingError(
      reply.code ?? 'TRANSPORT_UNAVAILABLE',
      `${server} ${reply.text} (${code})${shown}`,
    ),
  };
}

/** @param commands for redis-cli, as an operator runs them. */
export function topologyMissing(label: string, commands: readonly string[]): MessagingError {
  return new MessagingError(
    'TOPOLOGY_MISSING',
    `${label} lacks what this application needs, and topology is "verify", so that nothing is created. Run with redis-cli:\n` +
      commands.map((command) => `  ${command}`).join('\n'),
  );
}

/** A script names the stream that must not be created. */
function streamIn(text: string): string {
  return /NOSTREAM (\S+)/.exec(text)?.[1] ?? '<stream>';
}

/** One line of bounded length, without the digest of the script, which identifies nothing for a reader. */
function clean(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/ ?(script: [0-9a-f]{40}, )?on @user_script:\d+\.?/g, '')
    .slice(0, 300);
}

/** A stream or its group does not exist. Older servers wrap the text of a script's error. */
export function isNoGroup(error: unknown): boolean {
  return error instanceof Error && /\bNOGROUP\b/.test(error.message);
}

/** A new connection would fail in the same way, until the login or the permissions are corrected. */
export function isFatal(error: Error): boolean {
  const code = replyCode(error) ?? '';
  return code === 'NOPERM' || isLoginRejected(error);
}

/** The reason of a connection that leads to a replica. */
export const FOUND_REPLICA = scriptError('READONLY The server is a replica.');

/** The server lets the client in with another database or user than was asked for. The message ends a sentence. */
export class LoginMismatch extends Error {
  override readonly name = 'LoginMismatch';
}

/** The server does not let this user in. */
export function isLoginRejected(error: unknown): boolean {
  return REPLIES[replyCode(error) ?? '']?.rejectsLogin !== undefined;
}

/** The server is a replica, or has just become one. */
export function isReplicaError(error: unknown): boolean {
  return REPLIES[replyCode(error) ?? '']?.isUseless !== undefined;
}

/** Why a connection cannot be made or is of no use: its code and, where that helps and holds no secret, its text. */
export function reasonOf(error: Error | undefined): string {
  if (!error) return '';
  if (error instanceof LoginMismatch) return `: ${error.message}`;
  const reply = replyCode(error);
  const why = uselessBecause(reply);
  if (why !== undefined) return `: ${why} (${reply})`;
  const { lastNodeError } = error as { readonly lastNodeError?: Error };
  const code = codeOf(error);
  if (typeof code === 'string') return ` (${code})`;
  if (reply !== undefined) return ` (${reply})`;
  if (lastNodeError) return reasonOf(lastNodeError); // the client's own text only says that no node answers
  return /sentinel/i.test(error.message) ? ofSentinels(error.message) : '';
}

function uselessBecause(reply: string | undefined): string | undefined {
  const { rejectsLogin, isUseless } = REPLIES[reply ?? ''] ?? {};
  return rejectsLogin ?? isUseless;
}

/** The client reports errors of sentinels as text only: of the system, of OpenSSL, or a sentinel's reply. */
function ofSentinels(message: string): string {
  const [, last = 'Connection is closed.'] = /Last error: ([^\n]{1,200})/.exec(message) ?? [];
  const isSpecific = last !== 'Connection is closed.';
  return `: no sentinel knows a reachable primary${isSpecific ? ` (${last})` : ''}`;
}
