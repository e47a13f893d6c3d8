import type { ModuleMetadata } from '@nestjs/common';
import type { ComputedOptions, HostDecorators } from '../admin/host-decorators.js';
import type { AdminAuthorizerOption } from '../admin/admin-authorizer.js';

export interface HealthModuleOptions extends HostDecorators, Pick<ModuleMetadata, 'imports'> {
  /**
   * Address of the full report; `/live`, `/ready` and `/startup` follow. `false` serves nothing, for a host whose own
   * controller uses `MessagingHealthIndicator`.
   *
   * @default '/health'
   */
  readonly path?: string | false;
  /**
   * Who sees components as well as the status. `when-authorized` asks the authorizer for the role `viewer`, and shows
   * nothing without one.
   *
   * @default 'when-authorized'
   */
  readonly showDetails?: 'never' | 'when-authorized' | 'always';
  /** A function, or a provider that implements `RequestAuthorizer`. */
  readonly authorizer?: AdminAuthorizerOption | undefined;
  /** How long the result of a check of a transport or store is cached. @default 2_000 */
  readonly cacheMs?: number;
  /** Timeout of a check, after which a transport or store counts as down. @default 1_000 */
  readonly timeoutMs?: number;
  /**
   * When the instance is ready: while messages can be published on `any-path`, while every one of
   * `requiredTransports` works (`all-required`), or while the process itself works (`ignore`). A broker outage
   * affects all instances at once, so `all-required` takes all of them out of service together.
   *
   * @default 'any-path'
   */
  readonly readiness?: 'any-path' | 'all-required' | 'ignore';
  /** Names of the transports that `all-required` asks for. @default all that messages are routed to or consumed from */
  readonly requiredTransports?: readonly string[] | undefined;
  /**
   * The process is neither live nor ready if its event loop was blocked for longer than this within the last ten
   * seconds. Configure the orchestrator to restart it after several failed probes.
   *
   * @default 5_000
   */
  readonly maxEventLoopDelayMs?: number;
  /** Time limit of the start. After it, `/startup` passes even without a transport. @default 30_000 */
  readonly startupGraceMs?: number;
  /**
   * A group without consumers degrades the health once its oldest message is older than this. Keep it above the
   * time for which a deployment leaves a group without consumers.
   *
   * @default 600_000
   */
  readonly forgottenGroupAfterMs?: number;
}

/** What Nest must know before the other options are computed. */
export interface HealthModuleAsyncOptions
  extends
    ComputedOptions<Omit<HealthModuleOptions, 'path' | 'decorators' | 'imports'>>,
    HostDecorators,
    Pick<HealthModuleOptions, 'imports' | 'path'> {}

export type HealthSettings = Required<
  Omit<HealthModuleOptions, 'imports' | 'decorators' | 'authorizer' | 'requiredTransports'>
> &
  Pick<HealthModuleOptions, 'authorizer' | 'requiredTransports'>;

/** Injects the {@link HealthSettings}. */
export const HEALTH_SETTINGS = Symbol('switchyard:health-settings');

/** Injects the `HealthIndicatorService` of Terminus, which is loaded later than what asks for it. */
export const HEALTH_INDICATORS = Symbol('switchyard:health-indicators');

export function healthSettings(options: HealthModuleOptions): HealthSettings {
  const { imports: _imports, decorators: _decorators, ...given } = options;
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
