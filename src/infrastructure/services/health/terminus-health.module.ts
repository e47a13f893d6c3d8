import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { computedProvider, decorated, type HostDecorators } from '../admin/host-decorators.js';
import { HealthController } from './health.controller.js';
import {
  HEALTH_INDICATORS,
  HEALTH_SETTINGS,
  type HealthModuleAsyncOptions,
  type HealthModuleOptions,
  healthSettings,
} from './health.options.js';
import { MessagingHealthIndicator } from './messaging-health.indicator.js';

/** What {@link HealthModule} loads: all that needs Terminus. */
@Module({
  providers: [MessagingHealthIndicator, { provide: HEALTH_INDICATORS, useExisting: HealthIndicatorService }],
  exports: [MessagingHealthIndicator],
})
export class TerminusHealthModule {
  static forRoot(options: HealthModuleOptions): DynamicModule {
    return served(options, { provide: HEALTH_SETTINGS, useValue: healthSettings(options) });
  }

  static forRootAsync(options: HealthModuleAsyncOptions): DynamicModule {
    return served(options, computedProvider(HEALTH_SETTINGS, 'HealthModule', options, healthSettings));
  }
}

type Served = HostDecorators & Pick<HealthModuleOptions, 'imports' | 'path'>;

function served(options: Served, settings: Provider): DynamicModule {
  const { imports = [], path = '/health' } = options;
  return {
    module: TerminusHealthModule,
    imports: [
      ...imports,
      // Its log repeats every failed probe; the response and the events of the transports have the reason.
      TerminusModule.forRoot({ logger: false }),
      ...(path === false ? [] : [RouterModule.register([{ path, module: TerminusHealthModule }])]),
    ],
    controllers: path === false ? [] : [...decorated([HealthController], options)],
    providers: [settings],
  };
}
