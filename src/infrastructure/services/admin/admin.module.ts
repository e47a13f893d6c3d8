import type { Server } from 'node:http';
import {
  type DynamicModule,
  Inject,
  Module,
  type ModuleMetadata,
  type OnModuleInit,
  type Provider,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, RouterModule } from '@nestjs/core';
import {
  ADMIN_SETTINGS,
  type AdminSettings,
  adminSettings,
  type MessagingAdminOptions,
} from './admin.options.js';
import { authorizerOf } from './admin-authorizer.js';
import { AdminGuard } from './access/admin.guard.js';
import { limitBodies } from './http/body-limit.js';
import { answerBodyErrors } from './http/body-errors.js';
import { AuditController } from './audit/audit.controller.js';
import { CallerController } from './access/caller.controller.js';
import { DeadLetterController } from './dead-letters/dead-letter.controller.js';
import { EventController } from './events/event.controller.js';
import { EventService } from './events/event.service.js';
import { GroupController } from './groups/group.controller.js';
import { type ComputedOptions, computedProvider, decorated, type HostDecorators } from './host-decorators.js';
import { ProblemFilter } from './http/problem.filter.js';
import { OPENAPI_DOCUMENT, OpenApiController } from './openapi/openapi.controller.js';
import { openApiDocument } from './openapi/openapi-document.js';
import { MessageController } from './messages/message.controller.js';
import { OverviewController } from './overview/overview.controller.js';
import { OverviewService } from './overview/overview.service.js';
import { OperationController } from './operations/operation.controller.js';
import { ProcessController } from './subscriptions/process.controller.js';
import { SubscriptionController } from './subscriptions/subscription.controller.js';
import { TopicController } from './topics/topic.controller.js';
import { TopicService } from './topics/topic.service.js';
import { TransportController } from './transports/transport.controller.js';

/** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
export type MessagingAdminModuleOptions = MessagingAdminOptions &
  HostDecorators &
  Pick<ModuleMetadata, 'imports'>;

/** The first matching route wins: fixed paths before paths with an id, and the catch-all last. */
export const CONTROLLERS: readonly Type[] = [
  DeadLetterController,
  OperationController,
  GroupController,
  MessageController,
  SubscriptionController,
  ProcessController,
  TransportController,
  OverviewController,
  TopicController,
  AuditController,
  EventController,
  OpenApiController,
  CallerController,
];

/** What Nest must know before the other options are computed. */
export interface MessagingAdminAsyncOptions
  extends
    ComputedOptions<Omit<MessagingAdminOptions, 'basePath'>>,
    HostDecorators,
    Pick<ModuleMetadata, 'imports'>,
    Pick<MessagingAdminOptions, 'basePath'> {}

/** The admin API below `{basePath}/api/v1`. Without an authorizer it is off. */
@Module({})
export class MessagingAdminModule {
  /** Throws a `MessagingConfigurationError` when the API would be unguarded in production. */
  static forRoot(options: MessagingAdminModuleOptions): DynamicModule {
    // Its addresses belong to the host then.
    if (options.authorizer === undefined) return { module: MessagingAdminModule };
    const settings = adminSettings(options);
    return mounted(options, settings.basePath, { provide: ADMIN_SETTINGS, useValue: settings });
  }

  /**
   * The options from a function, except those that Nest must know before. Every address of the API is answered 404 when
   * there is no authorizer among them.
   */
  static forRootAsync(options: MessagingAdminAsyncOptions): DynamicModule {
    const { basePath } = options;
    const given = { ...(basePath !== undefined && { basePath }) };
    const complete = (computed: MessagingAdminOptions): AdminSettings =>
      adminSettings({ ...computed, ...given });
    return mounted(
      options,
      adminSettings(given).basePath,
      computedProvider(ADMIN_SETTINGS, 'MessagingAdminModule', options, complete),
    );
  }
}

type Mounting = HostDecorators & Pick<ModuleMetadata, 'imports'>;

function mounted(
  { imports = [], decorators = [] }: Mounting,
  path: string,
  settings: Provider,
): DynamicModule {
  return {
    module: MessagingAdminModule,
    imports: [
      ...imports,
      RouterModule.register([{ path, module: MountedAdminModule }]),
      {
        module: MountedAdminModule,
        imports,
        controllers: [...decorated(CONTROLLERS, { decorators })],
        providers: [
          settings,
          { provide: OPENAPI_DOCUMENT, useFactory: () => openApiDocument(CONTROLLERS, path) },
        ],
      },
    ],
  };
}

/** Providers of a mounted API. */
@Module({
  providers: [AdminGuard, ProblemFilter, OverviewService, TopicService, EventService],
})
class MountedAdminModule implements OnModuleInit {
  constructor(
    @Inject(ADMIN_SETTINGS) private readonly settings: AdminSettings,
    private readonly adapterHost: HttpAdapterHost,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** @throws MessagingConfigurationError when no provider is the authorizer. */
  onModuleInit(): void {
    const { authorizer, basePath } = this.settings;
    if (authorizer !== undefined && authorizer !== 'unguarded') authorizerOf(authorizer, this.moduleRef);
    const adapter = this.adapterHost.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    if (!adapter) return;
    limitBodies(adapter.getHttpServer() as Server, basePath);
    if (adapter.getType() === 'express') adapter.use(answerBodyErrors(basePath));
  }
}
