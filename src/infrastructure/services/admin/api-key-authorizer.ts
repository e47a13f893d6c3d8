import { createHash, timingSafeEqual } from 'node:crypto';
import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import { problemsOfTopics } from '../../../core/messaging/redaction/redaction-options.js';
import { ADMIN_ROLES, type AdminAuthorizer, type AdminRequest, type AdminRole } from './admin-authorizer.js';

const MAX_KEY_LENGTH = 1024;

/** Only the hash of a key is configured; `printf %s "$KEY" | sha256sum` computes it. */
export interface AdminApiKey {
  /** The caller's name, for the audit log. */
  readonly name: string;
  /** SHA-256 of the key, 64 hex digits. */
  readonly sha256: string;
  readonly roles: readonly AdminRole[];
  /** Topics that the caller sees, as names or patterns with `*` and `**`. @default all */
  readonly topics?: readonly string[];
}

/**
 * Authenticates callers by a key in `Authorization: Bearer` or `X-Api-Key`. Compares in constant time, and always
 * with every key, so that response times reveal nothing.
 */
export function apiKeyAuthorizer({ keys }: { readonly keys: readonly AdminApiKey[] }): AdminAuthorizer {
  const problems = keys.flatMap(problemsOf);
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  const known = keys.map((key) => ({
    identity: {
      subject: key.name,
      roles: [...key.roles],
      ...(key.topics && { topics: [...key.topics] }),
    },
    hash: Buffer.from(key.sha256, 'hex'),
  }));
  return (request) => {
    const presented = keyOf(request);
    if (presented === undefined) return null;
    const hash = createHash('sha256').update(presented).digest();
    const matching = known.filter((key) => timingSafeEqual(key.hash, hash));
    return matching[0]?.identity ?? null;
  };
}

function problemsOf(key: AdminApiKey, index: number): string[] {
  const problems: string[] = [];
  if (key.name === '') problems.push(`API key ${index + 1} has no name; the audit log needs one.`);
  if (!/^[0-9a-f]{64}$/i.test(key.sha256)) {
    problems.push(
      `API key "${key.name}" needs sha256 to be the 64 hex digits of the key's SHA-256, not the key itself.`,
    );
  }
  const unknown = key.roles.filter((role) => !ADMIN_ROLES.includes(role));
  if (unknown.length > 0 || key.roles.length === 0) {
    problems.push(`API key "${key.name}" needs one or more of the roles ${ADMIN_ROLES.join(', ')}.`);
  }
  for (const problem of problemsOfTopics(key.topics)) problems.push(`API key "${key.name}" ${problem}.`);
  return problems;
}

function keyOf({ headers }: AdminRequest): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const key = bearer ?? headers['x-api-key'];
  return typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH ? key : undefined;
}
