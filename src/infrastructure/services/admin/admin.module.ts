import type { Server } from 'node:http';
import {
  type DynamicModule,
  Inject,
  Module,
  type ModuleMetadata,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, RouterModule } from '@nestjs/core';
import {
  ADMIN_SETTINGS,
  type AdminSettings,
  adminSettings,
  type MessagingAdminOptions,
} from './admin.options.js';
import { AdminGuard } from './access/admin.guard.js';
import { limitBodies } from './http/body-limit.js';
import { answerBodyErrors } from './http/body-errors.js';
import { CallerController } from './access/caller.controller.js';
import { DeadLetterController } from './dead-letters/dead-letter.controller.js';
import { GroupController } from './groups/group.controller.js';
import { decorated, type HostDecorators } from './host-decorators.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ReplayController } from './dead-letters/replay.controller.js';
import { TransportController } from './transports/transport.controller.js';

/** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
export type MessagingAdminModuleOptions = MessagingAdminOptions &
  HostDecorators &
  Pick<ModuleMetadata, 'imports'>;

/** The first matching route wins: fixed paths before paths with an id, and the catch-all last. */
const CONTROLLERS: readonly Type[] = [
  ReplayController,
  DeadLetterController,
  GroupController,
  TransportController,
  CallerController,
];

/** The admin API below `{basePath}/api/v1`. Without an authorizer it is off and has no routes. */
@Module({})
export class MessagingAdminModule {
  /** Throws a `MessagingConfigurationError` when the API would be unguarded in production. */
  static forRoot(options: MessagingAdminModuleOptions): DynamicModule {
    const settings = adminSettings(options);
    if (!settings) return { module: MessagingAdminModule };
    return {
      module: MessagingAdminModule,
      imports: [
        ...(options.imports ?? []),
        RouterModule.register([{ path: settings.basePath, module: MountedAdminModule }]),
        {
          module: MountedAdminModule,
          imports: options.imports ?? [],
          controllers: [...decorated(CONTROLLERS, options)],
          providers: [{ provide: ADMIN_SETTINGS, useValue: settings }],
        },
      ],
    };
  }
}

/** Providers of a mounted API. */
@Module({
  providers: [AdminGuard, ProblemFilter],
})
class MountedAdminModule implements OnModuleInit {
  constructor(
    @Inject(ADMIN_SETTINGS) private readonly settings: AdminSettings,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const adapter = this.adapterHost.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    if (!adapter) return;
    limitBodies(adapter.getHttpServer() as Server, this.settings.basePath);
    if (adapter.getType() === 'express') adapter.use(answerBodyErrors(this.settings.basePath));
  }
}
