import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { DeliveryJournal } from '../journal/delivery-journal.js';

const RETRY_MS = 1_000;

/** A message chosen for a consumer, that its handler must not see before the journal knows. */
export interface Offer {
  /** Called once the hand-over would survive the process. */
  deliver(): void;
  /** Called instead when the consumer stopped meanwhile. */
  giveBack(): void;
  readonly consumer: object;
}

/** Something that may have messages for consumers. */
export interface Supplier {
  collect(offers: Offer[]): void;
}

/**
 * Writes the journal once a turn of the event loop: for all that was settled and all that is delivered next.
 *
 * Handlers run only after the write, so that a process that dies in one has counted the attempt.
 */
export class DispatchCycle {
  readonly #journal: DeliveryJournal;
  readonly #onError: (error: Error) => void;
  readonly #suppliers = new Set<Supplier>();
  #offers: Offer[] = [];
  #flushWaiters: (() => void)[] = [];
  /** Why the journal cannot be written now. */
  #stalled: Error | undefined;
  /** Ends what is scheduled. */
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(journal: DeliveryJournal, onError: (error: Error) => void) {
    this.#journal = journal;
    this.#onError = onError;
  }

  /** Asks the supplier for messages at the end of this turn. Without one, only writes the journal. */
  wake(supplier?: Supplier): void {
    if (this.#stopped) return;
    if (supplier) this.#suppliers.add(supplier);
    this.#cancel ??= atTurnEnd(() => this.#run());
  }

  /** Why nothing is delivered now, or nothing. */
  get stalled(): Error | undefined {
    return this.#stalled;
  }

  /** Resolves once everything that was noted so far is written, or nothing is written any more. */
  flushed(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.wake();
    return new Promise((resolve) => this.#flushWaiters.push(resolve));
  }

  /** Gives back what was chosen for the consumer and not delivered. */
  takeBack(consumer: object): void {
    const own = this.#offers.filter((offer) => offer.consumer === consumer);
    this.#offers = this.#offers.filter((offer) => offer.consumer !== consumer);
    for (const offer of own) offer.giveBack();
  }

  /** From now on nothing is delivered. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    for (const resolve of this.#flushWaiters.splice(0)) resolve();
  }

  #run(): void {
    this.#cancel = undefined;
    if (this.#stopped) return;
    // While the journal cannot be written nothing new is taken: what was taken waits.
    if (this.#offers.length === 0) this.#collect();
    try {
      this.#journal.flush();
    } catch (error) {
      this.#stalled = error as Error;
      this.#onError(error as Error);
      this.#cancel = systemClock.schedule(RETRY_MS, () => this.#run());
      return;
    }
    this.#stalled = undefined;
    for (const resolve of this.#flushWaiters.splice(0)) resolve();
    for (const offer of this.#offers.splice(0)) offer.deliver();
    if (this.#suppliers.size > 0) this.wake();
  }

  #collect(): void {
    const suppliers = [...this.#suppliers];
    this.#suppliers.clear();
    for (const supplier of suppliers) {
      try {
        supplier.collect(this.#offers);
      } catch (error) {
        this.#onError(error as Error); // one that cannot read must not keep the others from it
      }
    }
  }
}

function atTurnEnd(callback: () => void): () => void {
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}
