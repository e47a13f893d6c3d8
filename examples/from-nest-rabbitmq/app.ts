import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, type MicroserviceOptions, type RmqOptions, Transport } from '@nestjs/microservices';
import { SwitchyardModule } from 'switchyard';
import { connectSwitchyard, switchyardClient, SwitchyardMicroservicesModule } from 'switchyard/microservices';
import { BillingController } from './billing.controller.js';
import { OrdersController } from './orders.controller.js';

/** What a process does. Both are settings of a deployment, so that every step can be undone by deploying the one before. */
export interface Step {
  /** Which strategies handle messages: both while publishers move. */
  readonly consume: 'nest' | 'both' | 'switchyard';
  /** Which client emits. */
  readonly publish: 'nest' | 'switchyard';
}

const url = (): string => process.env['RABBITMQ_URL'] ?? 'amqp://127.0.0.1:5672';

const nestTransport = (): RmqOptions & { readonly transport: Transport.RMQ } => ({
  transport: Transport.RMQ,
  options: {
    urls: [url()],
    queue: 'orders',
    queueOptions: { durable: true },
    persistent: true,
  },
});

/** With the defaults of Nest, what a process has taken and not handled is lost when it ends. */
const nestStrategy = (): MicroserviceOptions => {
  const { transport, options } = nestTransport();
  return { transport, options: { ...options, noAck: false, prefetchCount: 16 } };
};

@Module({})
class AppModule {
  static forStep({ consume, publish }: Step): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SwitchyardModule.forRoot({
          service: 'shop',
          transports: { main: { kind: 'rabbitmq', urls: [url()] } },
          deadLetters: { store: 'memory' },
          idempotency: { store: 'memory' },
          registerHandlers: consume !== 'nest',
        }),
        SwitchyardMicroservicesModule,
        publish === 'nest'
          ? ClientsModule.register([{ name: 'ORDERS', ...nestTransport() }])
          : ClientsModule.registerAsync([switchyardClient('ORDERS')]),
      ],
      controllers: [BillingController, OrdersController],
    };
  }
}

/** An application at a step of the migration, not yet listening. */
export async function createApp(step: Step): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule.forStep(step), { logger: ['error'] });
  if (step.consume !== 'switchyard') app.connectMicroservice<MicroserviceOptions>(nestStrategy());
  if (step.consume !== 'nest') connectSwitchyard(app);
  await app.startAllMicroservices();
  return app;
}
