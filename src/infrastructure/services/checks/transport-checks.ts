import type { Transport } from '../../../core/messaging/ports/transport.js';
import { CachedCheck, type CheckResult } from './cached-check.js';

export interface TransportCheck {
  readonly transport: Transport;
  readonly result: CheckResult;
}

/** Checks whether each transport can accept a message now. */
export class TransportChecks {
  readonly #checks = new Map<Transport, CachedCheck>();
  readonly #limits: { readonly cacheMs: number; readonly timeoutMs: number };

  constructor(limits: { readonly cacheMs: number; readonly timeoutMs: number }) {
    this.#limits = limits;
  }

  check(transports: readonly Transport[]): Promise<TransportCheck[]> {
    return Promise.all(
      transports.map(async (transport) => ({ transport, result: await this.#checkOf(transport).check() })),
    );
  }

  #checkOf(transport: Transport): CachedCheck {
    let check = this.#checks.get(transport);
    if (!check) {
      check = new CachedCheck(() => transport.ping(), this.#limits);
      this.#checks.set(transport, check);
    }
    return check;
  }
}
