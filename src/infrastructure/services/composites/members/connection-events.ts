import type { TransportContext } from '../../../../core/messaging/ports/transport.js';

/** Emits `connected` and `disconnected` of a transport that combines members: each change once, and none while it closes. */
export class ConnectionEvents {
  #isConnected = false;
  #isClosing = false;

  constructor(private readonly context: Pick<TransportContext, 'onEvent'>) {}

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** @param cause why it is no longer connected, where that is known. */
  report(isConnected: boolean, cause: Error | undefined): void {
    if (isConnected === this.#isConnected || this.#isClosing) return;
    this.#isConnected = isConnected;
    if (isConnected) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(cause === undefined ? {} : { error: cause }) });
  }

  /** From here on only {@link closed} reports something. */
  closing(): void {
    this.#isClosing = true;
  }

  closed(): void {
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }
}
