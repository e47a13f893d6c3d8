import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import type { AdminAuthorizer } from './admin-authorizer.js';

export interface MessagingAdminOptions {
  /**
   * Where the API is mounted, below a global prefix if the host has one; `/api/v1` follows.
   *
   * @default '/messaging'
   */
  readonly basePath?: string;
  /**
   * Authenticates callers. Without one the API is not mounted. `'unguarded'` permits every caller everything, for a
   * developer's machine; it is refused unless `production` is false.
   */
  readonly authorizer?: AdminAuthorizer | 'unguarded';
  /**
   * Lets callers with the role `payload:read` see payloads and the values of secret-looking headers.
   *
   * @default false
   */
  readonly allowPayload?: boolean;
  /**
   * Whether the application runs in production.
   *
   * @default true
   */
  readonly production?: boolean;
}

/** The options with their defaults. */
export interface AdminSettings {
  readonly authorizer: AdminAuthorizer | 'unguarded';
  readonly basePath: string;
  readonly allowPayload: boolean;
}

/** Injects the {@link AdminSettings}. */
export const ADMIN_SETTINGS = Symbol('switchyard:admin-settings');

/** Settings of the API, or undefined without an authorizer. Throws for settings that are not safe. */
export function adminSettings(options: MessagingAdminOptions): AdminSettings | undefined {
  const { authorizer, basePath = '/messaging', allowPayload = false, production = true } = options;
  if (authorizer === undefined) return undefined;
  const problems: string[] = [];
  if (authorizer === 'unguarded' && production) {
    problems.push(
      "The admin API has authorizer: 'unguarded', which permits every caller to replay and discard messages. " +
        'Give it an authorizer such as apiKeyAuthorizer, or pass production: false for development.',
    );
  }
  if (!/^(\/[\w.~-]+)+$/.test(basePath)) {
    problems.push(
      `The admin API has basePath ${JSON.stringify(basePath)}. It must begin with "/" and end without one, as in "/messaging".`,
    );
  }
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  return { authorizer, basePath, allowPayload };
}
