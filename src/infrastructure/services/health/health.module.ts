import { type DynamicModule, Module } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { HEALTH_SETTINGS, type HealthModuleOptions, healthSettings } from './health.options.js';
import { MessagingHealthIndicator } from './messaging-health.indicator.js';

/** Health of the application for operators and orchestrators, through Terminus. */
@Module({
  controllers: [HealthController],
  providers: [MessagingHealthIndicator],
  exports: [MessagingHealthIndicator],
})
export class HealthModule {
  /** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
  static forRoot(options: HealthModuleOptions = {}): DynamicModule {
    const settings = healthSettings(options);
    return {
      module: HealthModule,
      imports: [
        ...(options.imports ?? []),
        // Its log repeats every failed probe; the response and the events of the transports have the reason.
        TerminusModule.forRoot({ logger: false }),
        RouterModule.register([{ path: settings.path, module: HealthModule }]),
      ],
      providers: [{ provide: HEALTH_SETTINGS, useValue: settings }],
    };
  }
}
