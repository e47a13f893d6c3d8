import { Injectable } from '@nestjs/common';

/** Faults that the demonstration can switch on and off, both on at first. */
export type Fault = 'flaky' | 'broken';

/** Attempts that an order of the customer `flaky` fails before it succeeds. */
const FLAKY_FAILURES = 2;

/** Makes billing fail for two customers, so that retries and dead letters can be watched. */
@Injectable()
export class FaultsService {
  readonly #active: Record<Fault, boolean> = { flaky: true, broken: true };

  set(fault: Fault, active: boolean): Record<Fault, boolean> {
    this.#active[fault] = active;
    return this.all();
  }

  all(): Record<Fault, boolean> {
    return { ...this.#active };
  }

  /** Throws when the customer's fault is on and this attempt is to fail. */
  strike(customer: string, attempt: number): void {
    if (customer === 'broken' && this.#active.broken) {
      throw new Error('The payment provider refuses this customer.');
    }
    if (customer === 'flaky' && this.#active.flaky && attempt <= FLAKY_FAILURES) {
      throw new Error(`The payment provider did not answer (attempt ${attempt}).`);
    }
  }
}
