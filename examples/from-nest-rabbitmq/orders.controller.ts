import { Controller, Inject, Param, Post } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';

/** Emits through whatever is registered as `ORDERS`. */
@Controller('orders')
export class OrdersController {
  constructor(@Inject('ORDERS') private readonly client: ClientProxy) {}

  @Post(':id')
  async place(@Param('id') id: string): Promise<void> {
    await lastValueFrom(this.client.emit('orders.placed', { id }), { defaultValue: undefined });
  }
}
