import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Checks in a heartbeat interval. The broker sends something at least twice in one. */
const CHECKS = 4;
/** Intervals without a byte after which the line counts as half open. */
const INTERVALS = 2;

/**
 * Notices that a connection has gone silent after twice the heartbeat interval. The client's own heartbeat takes up to three,
 * because it counts whole intervals only.
 *
 * Counts checks instead of time, so that a process that was paused or busy reads what has arrived before it gives up.
 */
export class SilenceWatch {
  #bytesRead = -1;
  #silentChecks = 0;
  #cancel = (): void => undefined;

  /** @param silent called once. */
  constructor(
    private readonly socket: { readonly bytesRead: number },
    private readonly heartbeatMs: number,
    private readonly clock: Clock,
    private readonly silent: () => void,
  ) {
    this.#checkLater();
  }

  end(): void {
    this.#cancel();
  }

  #checkLater(): void {
    this.#cancel = this.clock.schedule(this.heartbeatMs / CHECKS, () => {
      const { bytesRead } = this.socket;
      this.#silentChecks = bytesRead === this.#bytesRead ? this.#silentChecks + 1 : 0;
      this.#bytesRead = bytesRead;
      if (this.#silentChecks >= CHECKS * INTERVALS) this.silent();
      else this.#checkLater();
    });
  }
}
