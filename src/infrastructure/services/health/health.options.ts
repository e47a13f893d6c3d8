import type { ModuleMetadata } from '@nestjs/common';
import type { AdminAuthorizer } from '../admin/admin-authorizer.js';

export interface HealthModuleOptions extends Pick<ModuleMetadata, 'imports'> {
  /** Address of the full report; `/live`, `/ready` and `/startup` follow. @default '/health' */
  readonly path?: string;
  /**
   * Who sees components and not only the status. `when-authorized` asks the authoriser for the role `viewer`, and shows
   * nothing without one.
   *
   * @default 'when-authorized'
   */
  readonly showDetails?: 'never' | 'when-authorized' | 'always';
  readonly authorizer?: AdminAuthorizer;
  /** How long the answer of a transport or store is good for. @default 2_000 */
  readonly cacheMs?: number;
  /** How long a transport or store may take to answer until it counts as down. @default 1_000 */
  readonly timeoutMs?: number;
  /**
   * When requests may be sent here: while messages can be published on `any-path`, while every one of `requiredTransports` works
   * (`all-required`), or as long as the process itself works (`ignore`). A broker that is gone is gone for every instance at once, so
   * that `all-required` takes all of them out of service together.
   *
   * @default 'any-path'
   */
  readonly readiness?: 'any-path' | 'all-required' | 'ignore';
  /** Names of the transports that `all-required` asks for. @default all that messages are routed to or consumed from */
  readonly requiredTransports?: readonly string[] | undefined;
  /**
   * An event loop that was blocked for longer than this within the last ten seconds makes the process not live and not
   * ready. Let the orchestrator see it more than once before it restarts the process.
   *
   * @default 5_000
   */
  readonly maxEventLoopDelayMs?: number;
  /** How long a start may take. Then `/startup` passes whether or not a transport is up. @default 30_000 */
  readonly startupGraceMs?: number;
  /**
   * A group that nobody consumes for degrades the health once the oldest message that is kept for it is older than this. Keep it
   * above the time in which a deployment may leave a group without a consumer.
   *
   * @default 600_000
   */
  readonly forgottenGroupAfterMs?: number;
}

export type HealthSettings = Required<
  Omit<HealthModuleOptions, 'imports' | 'authorizer' | 'requiredTransports'>
> &
  Pick<HealthModuleOptions, 'authorizer' | 'requiredTransports'>;

/** Injects the {@link HealthSettings}. */
export const HEALTH_SETTINGS = Symbol('switchyard:health-settings');

export function healthSettings(options: HealthModuleOptions): HealthSettings {
  const { imports: _imports, ...given } = options;
  return {
    path: '/health',
    showDetails: 'when-authorized',
    cacheMs: 2_000,
    timeoutMs: 1_000,
    readiness: 'any-path',
    maxEventLoopDelayMs: 5_000,
    startupGraceMs: 30_000,
    forgottenGroupAfterMs: 600_000,
    ...given,
  };
}
