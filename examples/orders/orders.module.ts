import { Controller, Get, Injectable, Module, Param, Post } from '@nestjs/common';
import { defineMessage, MessageHandler, MessagingService, type PublishReceipt } from 'switchyard';
import { z } from 'zod';

const OrderPlaced = defineMessage('orders.placed', z.object({ orderId: z.string() }), {
  key: ({ orderId }) => orderId,
});

@Injectable()
class Billing {
  readonly charged: string[] = [];

  @MessageHandler(OrderPlaced, { group: 'billing' })
  charge({ orderId }: { orderId: string }): void {
    this.charged.push(orderId);
  }
}

@Controller('orders')
class OrdersController {
  constructor(
    private readonly messaging: MessagingService,
    private readonly billing: Billing,
  ) {}

  @Post(':id')
  place(@Param('id') orderId: string): Promise<PublishReceipt> {
    return this.messaging.publish(OrderPlaced, { orderId });
  }

  @Get()
  charged(): readonly string[] {
    return this.billing.charged;
  }
}

/** What the examples have in common: an address that publishes, and a handler. */
@Module({ controllers: [OrdersController], providers: [Billing] })
export class OrdersModule {}
