import { MessagingError } from '../ports/errors.js';
import type { MessagingEvent } from './events.js';
import type { RefusedMessage, TransportContext, TransportEvent } from '../ports/transport.js';

/** Keeps a refused message; rejects when it cannot be kept now. */
export type KeepRefused = NonNullable<TransportContext['keepRefused']>;

/**
 * Relays the events of transports to the core. Transports are made before the core, because they are among its options, so
 * they get a listener from here and the core connects itself later. Earlier events are dropped: nothing can have happened
 * to a message yet.
 */
export class TransportEventRelay {
  #emit: ((event: MessagingEvent) => void) | undefined;
  #keep: KeepRefused | undefined;
  readonly #down = new Set<string>();

  /** The `onEvent` of the transport with this name. */
  listenerFor(transport: string): (event: TransportEvent) => void {
    return (event) => {
      if (event.type === 'connected') this.#down.delete(transport);
      if (event.type === 'disconnected') this.#down.add(transport);
      this.#emit?.({ type: 'transport', transport, event });
    };
  }

  /** Whether the last that the transport has reported about its connection is that it is lost. */
  isDown(transport: string): boolean {
    return this.#down.has(transport);
  }

  /** The `keepRefused` of transports. Rejects before the core is there. */
  readonly keepRefused = async (refused: RefusedMessage): Promise<void> => {
    if (!this.#keep)
      throw new MessagingError(
        'NOT_RUNNING',
        'The application has not started, so no dead letter can be kept yet.',
      );
    await this.#keep(refused);
  };

  /** Called by the core. */
  connect(emit: (event: MessagingEvent) => void): void {
    this.#emit = emit;
  }

  /** Called by the core once it knows its handlers. */
  keepRefusedWith(keep: KeepRefused): void {
    this.#keep = keep;
  }
}
