import { replyCode } from './redis-errors.js';

/** Trying again would end in the same way. */
export function isFatal(error: Error): boolean {
  return ['WRONGPASS', 'NOAUTH', 'NOPERM'].includes(replyCode(error) ?? '');
}

/** Code and, where it helps and tells no secret, the text of what keeps a connection from coming about. */
export function reasonOf(error: Error | undefined): string {
  if (!error) return '';
  const reply = replyCode(error);
  if (reply === 'WRONGPASS') return ': it does not take the user and password (WRONGPASS)';
  if (reply === 'NOAUTH') return ': it wants a password (NOAUTH)';
  const { code, lastNodeError } = error as { code?: unknown; lastNodeError?: Error };
  if (typeof code === 'string') return ` (${code})`;
  if (reply !== undefined) return ` (${reply})`;
  if (lastNodeError) return reasonOf(lastNodeError); // that no node of a cluster answers says nothing of why
  return /sentinel/i.test(error.message) ? ofSentinels(error.message) : '';
}

/** The client has their errors in words only: those of the system or of OpenSSL, or what a sentinel replied. */
function ofSentinels(message: string): string {
  const [, last = 'Connection is closed.'] = /Last error: ([^\n]{1,200})/.exec(message) ?? [];
  const isTelling = last !== 'Connection is closed.';
  return `: no sentinel knows a reachable primary${isTelling ? ` (${last})` : ''}`;
}
