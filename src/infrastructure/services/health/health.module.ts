import { type DynamicModule, Module } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { decorated } from '../admin/host-decorators.js';
import { HealthController } from './health.controller.js';
import { HEALTH_SETTINGS, type HealthModuleOptions, healthSettings } from './health.options.js';
import { MessagingHealthIndicator } from './messaging-health.indicator.js';

/** Health of the application for operators and orchestrators, through Terminus. */
@Module({
  providers: [MessagingHealthIndicator],
  exports: [MessagingHealthIndicator],
})
export class HealthModule {
  /** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
  static forRoot(options: HealthModuleOptions = {}): DynamicModule {
    const settings = healthSettings(options);
    const { path } = settings;
    return {
      module: HealthModule,
      imports: [
        ...(options.imports ?? []),
        // Its log repeats every failed probe; the response and the events of the transports have the reason.
        TerminusModule.forRoot({ logger: false }),
        ...(path === false ? [] : [RouterModule.register([{ path, module: HealthModule }])]),
      ],
      controllers: path === false ? [] : [...decorated([HealthController], options)],
      providers: [{ provide: HEALTH_SETTINGS, useValue: settings }],
    };
  }
}
