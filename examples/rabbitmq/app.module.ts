import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';

/** Messages are in RabbitMQ; dead letters stay on the disk of the instance that could not handle them. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      dataDir: process.env['DATA_DIR'] ?? './data/example',
      transports: {
        main: { kind: 'rabbitmq', urls: [process.env['RABBITMQ_URL'] ?? 'amqp://127.0.0.1:5672'] },
      },
      deadLetters: { store: 'embedded' },
      idempotency: { store: 'embedded' },
    }),
    OrdersModule,
  ],
})
export class AppModule {}
