import {
  Controller,
  Get,
  HttpException,
  Inject,
  type OnModuleInit,
  Req,
  Res,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { authenticate } from '../admin/admin-authentication.js';
import { type AdminRequest, authorizerOf, hasRole } from '../admin/admin-authorizer.js';
import { MESSAGING_CLOCK } from '../../../core/messaging/messaging.tokens.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';
import type { MessagingHealth } from '../checks/health-assessment.js';
import { HEALTH_SETTINGS, type HealthSettings } from './health.options.js';
import { MessagingHealthIndicator } from './messaging-health.indicator.js';

const AUTHORIZER_TIMEOUT_MS = 1_000;

type Status = HealthCheckResult['status'];

/** Health over HTTP: 200 or 503, the status, and components for authorized callers. */
@Controller({ version: VERSION_NEUTRAL })
export class HealthController implements OnModuleInit {
  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    private readonly terminus: HealthCheckService,
    private readonly indicator: MessagingHealthIndicator,
    @Inject(HEALTH_SETTINGS) private readonly settings: HealthSettings,
    private readonly adapterHost: HttpAdapterHost,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** @throws MessagingConfigurationError when no provider is the authorizer. */
  onModuleInit(): void {
    if (this.settings.authorizer) authorizerOf(this.settings.authorizer, this.moduleRef);
  }

  @Get()
  @HealthCheck()
  async full(@Req() request: AdminRequest, @Res() response: object): Promise<void> {
    const health = await this.indicator.assess();
    const result = await this.#report(health);
    const status = statusOf(health, result);
    const body = (await this.#maySee(request)) ? { ...result, status } : { status };
    this.#answer(response, status === 'ok' || status === 'degraded', body);
  }

  @Get('live')
  @HealthCheck()
  live(@Res() response: object): void {
    this.#answer(response, this.indicator.live());
  }

  @Get('ready')
  @HealthCheck()
  async ready(@Res() response: object): Promise<void> {
    const { ready, status } = await this.indicator.assess();
    const unready = status === 'shutting_down' ? status : 'error';
    this.#answer(response, ready, { status: ready ? status : unready });
  }

  @Get('startup')
  @HealthCheck()
  async startup(@Res() response: object): Promise<void> {
    this.#answer(response, await this.indicator.started());
  }

  /** Not by returning the body, because interceptors of the host would wrap it, and probes and monitors read it. */
  #answer(response: object, passes: boolean, body: object = { status: passes ? 'ok' : 'error' }): void {
    this.adapterHost.httpAdapter.reply(response, body, passes ? 200 : 503);
  }

  /** Terminus throws its result when that is bad. */
  async #report(health: MessagingHealth): Promise<HealthCheckResult> {
    try {
      return await this.terminus.check([() => this.indicator.check(health)]);
    } catch (error) {
      if (error instanceof HttpException) return error.getResponse() as HealthCheckResult;
      throw error;
    }
  }

  async #maySee(request: AdminRequest): Promise<boolean> {
    const { showDetails, authorizer } = this.settings;
    if (showDetails !== 'when-authorized') return showDetails === 'always';
    if (!authorizer) return false;
    const answer = await authenticate(authorizer, request, {
      clock: this.clock,
      moduleRef: this.moduleRef,
      timeoutMs: AUTHORIZER_TIMEOUT_MS,
    });
    // Details name topics and groups of all.
    return (
      answer.kind === 'known' && answer.identity.topics === undefined && hasRole(answer.identity, 'viewer')
    );
  }
}

/** Terminus 11 has no degraded state and reports it as `ok`. */
function statusOf(health: MessagingHealth, result: HealthCheckResult): Status {
  const isDegraded = health.status === 'degraded' && result.status === 'ok';
  return health.status === 'shutting_down' || isDegraded ? health.status : result.status;
}
