import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import type { AdminAuthorizerOption } from './admin-authorizer.js';

export interface MessagingAdminOptions {
  /**
   * Where the API is mounted, below a global prefix if the host has one; `/api/v1` follows.
   *
   * @default '/messaging'
   */
  readonly basePath?: string;
  /**
   * Authenticates callers: a function, or a provider that implements `RequestAuthorizer`. Without one the API is off.
   * `'unguarded'` permits every caller everything, for a developer's machine; it is refused unless `production` is false.
   */
  readonly authorizer?: AdminAuthorizerOption | 'unguarded' | undefined;
  /**
   * Lets callers with the role `payload:read` see payloads and headers as they are.
   *
   * @default false
   */
  readonly allowPayload?: boolean;
  /**
   * Lets every caller see payloads without what the option `redaction` of the messaging module hides.
   *
   * @default false
   */
  readonly allowMaskedPayload?: boolean;
  /**
   * Whether the application runs in production.
   *
   * @default true
   */
  readonly production?: boolean;
}

/** The options with their defaults. */
export interface AdminSettings {
  /** Undefined where the API is off. */
  readonly authorizer: AdminAuthorizerOption | 'unguarded' | undefined;
  readonly basePath: string;
  readonly allowPayload: boolean;
  readonly allowMaskedPayload: boolean;
}

/** Injects the {@link AdminSettings}. */
export const ADMIN_SETTINGS = Symbol('switchyard:admin-settings');

/** Throws for settings that are not safe. */
export function adminSettings(options: MessagingAdminOptions): AdminSettings {
  const { authorizer, basePath = '/messaging', production = true } = options;
  const { allowPayload = false, allowMaskedPayload = false } = options;
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
  return { authorizer, basePath, allowPayload, allowMaskedPayload };
}
