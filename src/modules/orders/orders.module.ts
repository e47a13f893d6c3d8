import { Module } from '@nestjs/common';
import { MessagingModule } from '../../index.js';
import { OrderPlaced } from './order-placed.message.js';
import { OrdersController } from './orders.controller.js';

@Module({
  imports: [MessagingModule.forFeature([OrderPlaced])],
  controllers: [OrdersController],
})
export class OrdersModule {}
