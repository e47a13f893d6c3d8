import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';

/** Messages are in Kafka; dead letters stay on the disk of the instance that could not handle them. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      dataDir: process.env['DATA_DIR'] ?? './data/example',
      transports: {
        main: { kind: 'kafka', brokers: [process.env['KAFKA_BROKER'] ?? '127.0.0.1:9092'] },
      },
      deadLetters: { store: 'embedded' },
      idempotency: { store: 'embedded' },
    }),
    OrdersModule,
  ],
})
export class AppModule {}
