import type { INestApplication, INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomStrategy, NestMicroservice } from '@nestjs/microservices';
import { MessagingConfigurationError } from '../../core/messaging/index.js';
import { LastResortFilter } from './errors-of-nest.js';
import { LateStrategy } from './late-strategy.js';
import { SwitchyardServer } from './switchyard-server.js';

type Connectable = Pick<INestApplication, 'connectMicroservice' | 'get'>;
type NestModule = Parameters<typeof NestFactory.createMicroservice>[0];
type MicroserviceSettings = Omit<Parameters<typeof NestFactory.createMicroservice>[1] & object, 'strategy'>;

/**
 * Lets the messaging core handle what the application's controllers subscribe to with `@EventPattern` and `@MessagePattern`. Call it before
 * `app.init()` or `app.listen()`; consuming starts with the application.
 *
 * @param configure for global pipes, guards, interceptors and filters of these handlers.
 * @throws MessagingConfigurationError without the `SwitchyardMicroservicesModule`.
 */
export function connectSwitchyard(
  app: Connectable,
  configure?: (microservice: INestMicroservice) => void,
): INestMicroservice {
  const strategy = serverOf(app);
  strategy.connecting();
  const microservice = app.connectMicroservice<CustomStrategy>(
    { strategy },
    { deferInitialization: true },
  ) as NestMicroservice;
  // Nest makes the handlers when it registers them, and filters that come later are ignored. Left to do that itself, it
  // would run the hooks of the application's start twice; older versions have registered them by now, and do it again here.
  microservice.setIsInitialized(false);
  prepare(microservice, configure);
  strategy.connected();
  microservice.registerListeners();
  microservice.setIsInitialized(true);
  microservice.setIsInitHookCalled(true);
  return microservice;
}

/**
 * An application that is only a microservice, in place of `NestFactory.createMicroservice`. Its `listen()` starts it.
 *
 * @param configure as for {@link connectSwitchyard}.
 * @throws MessagingConfigurationError without the `SwitchyardMicroservicesModule`.
 */
export async function createSwitchyardMicroservice(
  module: NestModule,
  settings: MicroserviceSettings = {},
  configure?: (microservice: INestMicroservice) => void,
): Promise<INestMicroservice> {
  const strategy = new LateStrategy();
  const microservice = await NestFactory.createMicroservice<CustomStrategy>(module, {
    ...settings,
    strategy,
  });
  const server = serverOf(microservice);
  server.connecting();
  prepare(microservice, configure);
  server.connected();
  strategy.use(server);
  return microservice;
}

function prepare(
  microservice: INestMicroservice,
  configure: ((microservice: INestMicroservice) => void) | undefined,
): void {
  // The last in order, because filters that are added later come first.
  microservice.useGlobalFilters(new LastResortFilter());
  configure?.(microservice);
}

function serverOf(app: Pick<INestApplication, 'get'>): SwitchyardServer {
  try {
    return app.get(SwitchyardServer, { strict: false });
  } catch {
    throw new MessagingConfigurationError([
      'The application has no SwitchyardMicroservicesModule, which has the strategy for @nestjs/microservices. Import it in the root module, beside SwitchyardModule.',
    ]);
  }
}
