import { Module } from '@nestjs/common';
import { SwitchyardModule } from 'switchyard';
import { OrdersModule } from '../orders/orders.module.js';
import { messaging } from './messaging.js';

/** Handles messages; nobody calls its controllers, because it does not listen. */
@Module({ imports: [SwitchyardModule.forRoot(messaging), OrdersModule] })
export class WorkerModule {}
