import { Module } from '@nestjs/common';
import { MessagingModule } from '../../core/messaging/index.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { OrderPlaced } from './order-placed.message.js';
import { OrdersController } from './orders.controller.js';

@Module({
  imports: [LedgerModule, MessagingModule.forFeature([OrderPlaced])],
  controllers: [OrdersController],
})
export class OrdersModule {}
