import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';
import { FolderTransport } from './folder.transport.js';

const directory = process.env['DATA_DIR'] ?? './data/example-folder';

/** A transport of the application's own, in the place of the options of one. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      transports: { main: (context) => new FolderTransport({ directory }, context) },
      deadLetters: { store: 'memory' },
      idempotency: { store: 'memory' },
    }),
    OrdersModule,
  ],
})
export class AppModule {}
