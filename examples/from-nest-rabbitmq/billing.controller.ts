import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import { EventPattern, Payload, RmqContext } from '@nestjs/microservices';
import { finalize, type Observable } from 'rxjs';

/**
 * Acknowledges what Nest's transport has delivered, because it runs with `noAck: false`. The context of Switchyard has no
 * channel, and needs none: there the return of the handler is the acknowledgement.
 */
@Injectable()
class AckOnNest implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const rpc = context.switchToRpc().getContext<unknown>();
    if (!(rpc instanceof RmqContext)) return next.handle();
    const channel = rpc.getChannelRef() as { ack(message: unknown): void };
    return next.handle().pipe(finalize(() => channel.ack(rpc.getMessage())));
  }
}

/** The same under both strategies, and idempotent, as it had to be before. */
@Controller('charged')
export class BillingController {
  private readonly charged = new Set<string>();

  @UseInterceptors(AckOnNest)
  @EventPattern('orders.placed', { group: 'billing' })
  charge(@Payload('id') id: string): void {
    this.charged.add(id);
  }

  @Get()
  ids(): readonly string[] {
    return [...this.charged];
  }
}
