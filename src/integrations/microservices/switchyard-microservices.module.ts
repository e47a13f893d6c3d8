import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import {
  MESSAGING_EMIT,
  MESSAGING_VIEW,
  type MessagingEvent,
  MessagingService,
  type MessagingView,
} from '../../core/messaging/index.js';
import { loadClient } from '../../core/messaging/transport-kit/load-client.js';
import { ControllerMethods } from './controller-methods.js';
import { SwitchyardClient } from './switchyard-client.js';
import { SwitchyardServer } from './switchyard-server.js';

const PACKAGE = Symbol('switchyard:nest-microservices');

/**
 * The bridge to `@nestjs/microservices`: import it in the root module, beside `SwitchyardModule`, and call `connectSwitchyard`.
 * Injectable everywhere are `SwitchyardServer` and `SwitchyardClient`.
 *
 * The application does not start without that package (`DEPENDENCY_MISSING`), or with another version (`DEPENDENCY_UNUSABLE`).
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: PACKAGE, useFactory: () => loadNestMicroservices() },
    ControllerMethods,
    SwitchyardServer,
    {
      provide: SwitchyardClient,
      useFactory: (messaging: MessagingService, view: MessagingView, emit: (event: MessagingEvent) => void) =>
        new SwitchyardClient({ messaging, view, emit }),
      inject: [MessagingService, MESSAGING_VIEW, MESSAGING_EMIT],
    },
  ],
  exports: [SwitchyardServer, SwitchyardClient],
})
export class SwitchyardMicroservicesModule {}

/** Loads the package, an optional peer dependency. Throws as {@link loadClient}. */
export function loadNestMicroservices(
  load: () => Promise<unknown> = () => import('@nestjs/microservices'),
): Promise<object> {
  return loadClient<{ readonly ClientProxy?: unknown }>({
    usedBy: 'SwitchyardMicroservicesModule needs',
    name: '@nestjs/microservices',
    range: '^11.1.0 || ^12.0.0',
    install: '@nestjs/microservices',
    load,
    isSupported: ({ ClientProxy }) => ClientProxy !== undefined,
  });
}
