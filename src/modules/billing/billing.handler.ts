import { Injectable } from '@nestjs/common';
import { type MessageContext, MessageHandler } from '../../index.js';
import { FaultsService } from '../faults/faults.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { type Order, OrderPlaced } from '../orders/order-placed.message.js';

@Injectable()
export class BillingHandler {
  constructor(
    private readonly faults: FaultsService,
    private readonly ledger: LedgerService,
  ) {}

  /** Short delays, so that the dead letter appears within seconds. */
  @MessageHandler(OrderPlaced, {
    group: 'billing',
    backoff: { type: 'exponential', delayMs: 200, maxDelayMs: 2_000 },
    timeoutMs: 5_000,
  })
  charge(order: Order, context: MessageContext): void {
    this.faults.strike(order.customer, context.attempt);
    this.ledger.record(order.orderId, context);
  }
}
