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
   * Says who a caller is. Without one the API is not mounted. `'unguarded'` lets everybody do everything, which is for
   * a developer's machine: it is refused unless `production` is false.
   */
  readonly authorizer?: AdminAuthorizer | 'unguarded';
  /**
   * Lets callers with the role `payload:read` see payloads and the values of secret-looking headers.
   *
   * @default false
   */
  readonly allowPayload?: boolean;
  /**
   * Whether this is production, as the host knows it.
   *
   * @default true
   */
  readonly production?: boolean;
}

/** The options with what their defaults add. */
export interface AdminSettings {
  readonly authorizer: AdminAuthorizer | 'unguarded';
  readonly basePath: string;
  readonly allowPayload: boolean;
}

/** Injects the {@link AdminSettings}. */
export const ADMIN_SETTINGS = Symbol('switchyard:admin-settings');

/** Settings of an API that is to be mounted, or undefined without an authoriser. Throws when it must not be. */
export function adminSettings(options: MessagingAdminOptions): AdminSettings | undefined {
  const { authorizer, basePath = '/messaging', allowPayload = false, production = true } = options;
  if (authorizer === undefined) return undefined;
  const problems: string[] = [];
  if (authorizer === 'unguarded' && production) {
    problems.push(
      "The admin API has authorizer: 'unguarded', which lets everybody replay and discard messages. " +
        'Give it an authorizer such as apiKeyAuthorizer, or pass production: false on a machine of your own.',
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
