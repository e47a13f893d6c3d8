import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';

/** RabbitMQ, while it works; else Redis; else the disk, until a broker is back. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      dataDir: process.env['DATA_DIR'] ?? './data/example',
      transports: {
        work: { kind: 'rabbitmq', urls: [process.env['RABBITMQ_URL'] ?? 'amqp://127.0.0.1:5672'] },
        fast: { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' },
        brokers: { kind: 'failover', members: ['work', 'fast'] },
        disk: { kind: 'embedded' },
        main: { kind: 'spooled', transport: 'brokers', spool: 'disk' },
      },
      routes: [{ match: '**', transport: 'main' }],
      deadLetters: { store: 'embedded' },
      idempotency: { store: 'embedded' },
    }),
    OrdersModule,
  ],
})
export class AppModule {}
