import { Injectable } from '@nestjs/common';
import { type MessageContext, MessageHandler } from '../../index.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { type Order, OrderPlaced } from '../orders/order-placed.message.js';

@Injectable()
export class NotificationsHandler {
  constructor(private readonly ledger: LedgerService) {}

  @MessageHandler(OrderPlaced, { group: 'notifications' })
  confirm(order: Order, context: MessageContext): void {
    this.ledger.record(order.orderId, context);
  }
}
