import { Injectable } from '@nestjs/common';
import type { Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import type { BalancedOptions } from './balanced/balanced.options.js';
import type { FailoverOptions } from './failover/failover.options.js';
import type { SpooledOptions } from './spooled/spooled.options.js';

/** Makes transports that combine others. Their code is loaded when one is made. */
@Injectable()
export class CompositesDriver {
  /** @param members in order of preference. */
  async createFailover(
    members: readonly Transport[],
    options: FailoverOptions,
    context: TransportContext,
  ): Promise<Transport> {
    const { FailoverTransport } = await import('./failover/failover.transport.js');
    return new FailoverTransport(members, options, context);
  }

  async createBalanced(
    members: readonly Transport[],
    options: BalancedOptions,
    context: TransportContext,
  ): Promise<Transport> {
    const { BalancedTransport } = await import('./balanced/balanced.transport.js');
    return new BalancedTransport(members, options, context);
  }

  /** @param spool keeps messages while `transport` does not accept them. */
  async createSpooled(
    inner: { readonly transport: Transport; readonly spool: Transport },
    options: SpooledOptions,
    context: TransportContext,
  ): Promise<Transport> {
    const { SpooledTransport } = await import('./spooled/spooled.transport.js');
    return new SpooledTransport(inner, options, context);
  }
}
