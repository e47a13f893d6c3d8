import { type DynamicModule, Module } from '@nestjs/common';
import { loadClient } from '../../../core/messaging/transport-kit/load-client.js';
import { loadingModule } from '../../../core/messaging/transport-kit/loading-module.js';
import type { HealthModuleAsyncOptions, HealthModuleOptions } from './health.options.js';
import type { TerminusHealthModule } from './terminus-health.module.js';

/**
 * Health of the application for operators and orchestrators, through Terminus, which is loaded when the module is imported.
 * A `MessagingError` says when Terminus is missing (`DEPENDENCY_MISSING`) or of another version (`DEPENDENCY_UNUSABLE`).
 */
@Module({})
export class HealthModule {
  /** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
  static forRoot(options: HealthModuleOptions = {}): Promise<DynamicModule> {
    return throughTerminus((terminus) => terminus.forRoot(options));
  }

  /** The options from a function, except those that Nest must know before. */
  static forRootAsync(options: HealthModuleAsyncOptions): Promise<DynamicModule> {
    return throughTerminus((terminus) => terminus.forRootAsync(options));
  }
}

function throughTerminus(
  make: (terminus: typeof TerminusHealthModule) => DynamicModule,
): Promise<DynamicModule> {
  return loadingModule(async () => {
    await loadTerminus();
    const { TerminusHealthModule: terminus } = await import('./terminus-health.module.js');
    return { module: HealthModule, imports: [make(terminus)], exports: [terminus] };
  });
}

/** Loads Terminus, an optional peer dependency. Throws as {@link loadClient}. */
export function loadTerminus(
  load: () => Promise<unknown> = () => import('@nestjs/terminus'),
): Promise<object> {
  return loadClient<{ readonly TerminusModule?: unknown }>({
    usedBy: 'HealthModule needs',
    name: '@nestjs/terminus',
    range: '^11.0.0 || ^12.0.0',
    install: '@nestjs/terminus',
    load,
    isSupported: ({ TerminusModule }) => TerminusModule !== undefined,
  });
}
