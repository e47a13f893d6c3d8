import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';

/** Messages, dead letters and ids that were handled are in Redis, which all instances share. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      transports: { main: { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' } },
      deadLetters: { store: 'redis' },
      idempotency: { store: 'redis' },
    }),
    OrdersModule,
  ],
})
export class AppModule {}
