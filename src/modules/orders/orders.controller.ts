import { randomUUID } from 'node:crypto';
import {
  Body,
  Controller,
  Get,
  NotFoundException,
  Param,
  Post,
  ServiceUnavailableException,
  StandardSchemaValidationPipe,
  UsePipes,
} from '@nestjs/common';
import { MessagingService, PublishError, type PublishReceipt } from '../../index.js';
import { type LedgerEntry, LedgerService } from '../ledger/ledger.service.js';
import { OrderPlaced, orderSchema } from './order-placed.message.js';

const newOrderSchema = orderSchema.partial({ orderId: true });

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly messaging: MessagingService,
    private readonly ledger: LedgerService,
  ) {}

  /** Answers 201 once a transport has accepted the message about the order. */
  @Post()
  @UsePipes(new StandardSchemaValidationPipe())
  async place(
    @Body({ schema: newOrderSchema }) body: (typeof newOrderSchema)['_output'],
  ): Promise<{ orderId: string; receipt: PublishReceipt }> {
    const order = { ...body, orderId: body.orderId ?? randomUUID() };
    try {
      return { orderId: order.orderId, receipt: await this.messaging.publish(OrderPlaced, order) };
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      throw new ServiceUnavailableException({
        code: error.code,
        messageId: error.messageId,
        // Its text may name hosts, and anybody can place orders.
        message: `The order was not accepted (${error.outcome}).`,
      });
    }
  }

  /** Which groups have handled the order, in order. */
  @Get(':orderId')
  find(@Param('orderId') orderId: string): { orderId: string; handled: readonly LedgerEntry[] } {
    const handled = this.ledger.entriesOf(orderId);
    if (handled.length === 0) throw new NotFoundException(`No group has handled an order "${orderId}" yet.`);
    return { orderId, handled };
  }
}
