import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';
import { messaging } from './messaging.js';

/** Publishes only, although it has the handlers in its modules. */
@Module({
  imports: [SwitchyardModule.forRoot({ ...messaging, registerHandlers: false }), OrdersModule],
})
export class WebModule {}
