import { Controller, Get, Header, Inject } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { Registry } from 'prom-client';
import { MessagingHealthIndicator } from 'switchyard/health';
import { METRICS_REGISTRY } from 'switchyard/metrics';
import { Public } from './login.js';

/** Health and metrics of the application, where the application wants them. */
@Controller('status')
export class StatusController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly messaging: MessagingHealthIndicator,
    @Inject(METRICS_REGISTRY) private readonly registry: Registry,
  ) {}

  @Get('health')
  @Public()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.messaging.check()]);
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4')
  metrics(): Promise<string> {
    return this.registry.metrics();
  }
}
