import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';

const directory = process.env['DATA_DIR'] ?? './data/example';

/** Everything in a directory of this machine: no broker is needed, for one process. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      dataDir: directory,
      transports: { main: { kind: 'embedded' } },
      deadLetters: { store: 'embedded' },
      idempotency: { store: 'embedded' },
    }),
    OrdersModule,
  ],
})
export class AppModule {}
