import type { TransportContext } from '../ports/transport.js';

/** Emits `connected` and `disconnected` for a transport, each only when it changes. */
export class ConnectionState {
  #isConnected = false;
  #isClosing = false;

  constructor(private readonly context: Pick<TransportContext, 'onEvent'>) {}

  /** @param error why it is not connected, if that is known. */
  changed(isConnected: boolean, error?: Error): void {
    if (isConnected === this.#isConnected || this.#isClosing) return;
    this.#isConnected = isConnected;
    if (isConnected) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(error === undefined ? {} : { error }) });
  }

  /** Emits nothing more until it is {@link closed}. */
  closing(): void {
    this.#isClosing = true;
  }

  /** Emits the last event. */
  closed(): void {
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }
}
