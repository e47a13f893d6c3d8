import type { MessagingEvent } from './messaging.events.js';
import type { TransportEvent } from './transport.js';

/**
 * Brings what transports tell to the core. Transports are made before the core, because they are among its options, so
 * they get a listener from here and the core connects itself later. What is told before that is dropped: nothing can
 * have happened to a message yet.
 */
export class TransportEventRelay {
  #emit: ((event: MessagingEvent) => void) | undefined;

  /** The `onEvent` of the transport with this name. */
  listenerFor(transport: string): (event: TransportEvent) => void {
    return (event) => this.#emit?.({ type: 'transport', transport, event });
  }

  /** Called by the core. */
  connect(emit: (event: MessagingEvent) => void): void {
    this.#emit = emit;
  }
}
