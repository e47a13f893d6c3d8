import { MessagingError, type MessagingErrorCode } from '../../../../core/messaging/ports/errors.js';
import {
  type BrokerFailure,
  codeOf,
  isOurs,
  ownFailure,
} from '../../../../core/messaging/transport-kit/broker-failure.js';

/** First words of error replies, with the action. A server that replies with an error has not executed the command. */
const REPLIES: Readonly<Record<string, string>> = {
  OOM: 'has no memory left (maxmemory). Let handlers catch up, or give it more.',
  MISCONF: 'cannot write its snapshots to disk and takes no writes. Look at its log and its disk.',
  LOADING: 'is still loading its data. Wait until it is done.',
  NOREPLICAS: 'has too few replicas (min-replicas-to-write) and takes no writes. Bring them back.',
  READONLY: 'is a replica and takes no writes. A failover is under way, or the address is wrong.',
  MASTERDOWN: 'is a replica that has lost its primary.',
  CLUSTERDOWN: 'is a cluster that does not serve all slots. Bring the missing nodes back.',
  TRYAGAIN: 'is moving the slot of this topic.',
  MOVED: 'is a node of a cluster; configure `cluster` instead of `url`.',
  BUSY: 'is busy with a script of another client. Wait for it, or end it with SCRIPT KILL.',
  NOAUTH: 'requires a password. Configure one.',
  WRONGPASS: 'rejects the user and password. Correct them.',
  ERR: 'answered with an error.',
};
/** The text of these replies is shown, because it holds no secret and names the cause. */
const SHOWN_REPLIES = new Set(['ERR', 'NOPERM', 'WRONGTYPE', 'MISCONF', 'NOGROUP']);

/** Thrown by ioredis before anything is written. */
const NOT_SENT = /^(Stream isn.t writeable|Cluster isn.t ready|None of startup nodes|Redis is not connected)/;

/** First word of an error reply, such as `OOM`; undefined for any other error. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return codeIn(error.message);
}

/** Version 7 reports a missing permission inside a script without a code. */
const NOT_PERMITTED_IN_SCRIPT = /\bThe user executing the script can't (run|access)\b/;

/** Servers before version 7 put the code of an error inside a script behind its place there, and `ERR` before both. */
function codeIn(text: string): string {
  if (NOT_PERMITTED_IN_SCRIPT.test(text)) return 'NOPERM';
  return (
    /@user_script: ?\d+: -?([A-Z][A-Z0-9]*)\b/.exec(text)?.[1] ??
    /^-?([A-Z][A-Z0-9]*)\b/.exec(text)?.[1] ??
    'ERR'
  );
}

/** @param wasSent false when the command cannot have reached a server. */
export function failureOf(cause: unknown, server: string, wasSent = true): BrokerFailure {
  if (isOurs(cause)) return ownFailure(cause, wasSent);
  const code = replyCode(cause);
  if (code !== undefined) return ofReply(code, cause as Error, server);
  const message = cause instanceof Error ? cause.message : '';
  const isCertain = !wasSent || NOT_SENT.test(message);
  const text = isCertain
    ? `${server} is not connected. It reconnects by itself.`
    : `The connection to ${server} was lost while a command was in flight.`;
  return {
    kind: isCertain ? 'unavailable' : 'unknown',
    error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
  };
}

function ofReply(code: string, cause: Error, server: string): BrokerFailure {
  const reply = SHOWN_REPLIES.has(code) ? ` Reply: ${clean(cause.message)}` : '';
  const error = (messagingCode: MessagingErrorCode, text: string): MessagingError =>
    new MessagingError(messagingCode, `${server} ${text} (${code})${reply}`);
  if (code === 'NOPERM')
    return { kind: 'refused', error: error('FORBIDDEN', 'does not permit this user the command or key.') };
  if (code === 'WRONGTYPE')
    return {
      kind: 'unavailable',
      error: error(
        'TRANSPORT_UNAVAILABLE',
        'has a key of another type where a key of this transport should be. Choose another keyPrefix, or remove the key.',
      ),
    };
  if (code === 'NOSTREAM')
    return {
      kind: 'unavailable',
      error: topologyMissing(server, [`XGROUP CREATE ${streamIn(cause.message)} <group> 0 MKSTREAM`]),
    };
  if (code === 'OOM') return { kind: 'unavailable', error: error('TRANSPORT_FULL', REPLIES['OOM'] ?? '') };
  return {
    kind: 'unavailable',
    error: error('TRANSPORT_UNAVAILABLE', REPLIES[code] ?? 'answered with an error.'),
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

/** The outcome of one message from the error that a script returned for it. */
export function outcomeOfReply(text: string, server: string): BrokerFailure {
  return ofReply(codeIn(text), new Error(text), server);
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

/** A retry would fail in the same way. */
export function isFatal(error: Error): boolean {
  return ['WRONGPASS', 'NOAUTH', 'NOPERM'].includes(replyCode(error) ?? '');
}

/** Why a connection cannot be made: its code and, where that helps and holds no secret, its text. */
export function reasonOf(error: Error | undefined): string {
  if (!error) return '';
  const reply = replyCode(error);
  if (reply === 'WRONGPASS') return ': it rejects the user and password (WRONGPASS)';
  if (reply === 'NOAUTH') return ': it requires a password (NOAUTH)';
  const { lastNodeError } = error as { readonly lastNodeError?: Error };
  const code = codeOf(error);
  if (typeof code === 'string') return ` (${code})`;
  if (reply !== undefined) return ` (${reply})`;
  if (lastNodeError) return reasonOf(lastNodeError); // the client's own text only says that no node answers
  return /sentinel/i.test(error.message) ? ofSentinels(error.message) : '';
}

/** The client reports errors of sentinels as text only: of the system, of OpenSSL, or a sentinel's reply. */
function ofSentinels(message: string): string {
  const [, last = 'Connection is closed.'] = /Last error: ([^\n]{1,200})/.exec(message) ?? [];
  const isSpecific = last !== 'Connection is closed.';
  return `: no sentinel knows a reachable primary${isSpecific ? ` (${last})` : ''}`;
}
