import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { computedProvider, decorated, type HostDecorators } from '../admin/host-decorators.js';
import { HealthController } from './health.controller.js';
import {
  HEALTH_SETTINGS,
  type HealthModuleAsyncOptions,
  type HealthModuleOptions,
  healthSettings,
} from './health.options.js';
import { MessagingHealthIndicator } from './messaging-health.indicator.js';

/** Health of the application for operators and orchestrators, through Terminus. */
@Module({
  providers: [MessagingHealthIndicator],
  exports: [MessagingHealthIndicator],
})
export class HealthModule {
  /** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
  static forRoot(options: HealthModuleOptions = {}): DynamicModule {
    return served(options, { provide: HEALTH_SETTINGS, useValue: healthSettings(options) });
  }

  /** The options from a function, except those that Nest must know before. */
  static forRootAsync(options: HealthModuleAsyncOptions): DynamicModule {
    return served(options, computedProvider(HEALTH_SETTINGS, 'HealthModule', options, healthSettings));
  }
}

type Served = HostDecorators & Pick<HealthModuleOptions, 'imports' | 'path'>;

function served(options: Served, settings: Provider): DynamicModule {
  const { imports = [], path = '/health' } = options;
  return {
    module: HealthModule,
    imports: [
      ...imports,
      // Its log repeats every failed probe; the response and the events of the transports have the reason.
      TerminusModule.forRoot({ logger: false }),
      ...(path === false ? [] : [RouterModule.register([{ path, module: HealthModule }])]),
    ],
    controllers: path === false ? [] : [...decorated([HealthController], options)],
    providers: [settings],
  };
}
