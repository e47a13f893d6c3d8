import type { InFlightEntry } from '../wire/stream-entry.js';

/** Far more than can come while a consumer looks for what it has missed. Beyond it the oldest are forgotten. */
const MAX_NAMES = 10_000;

/**
 * Keeps apart what a consumer finds when it looks for what it may have missed, and what the server hands out meanwhile: replies come
 * on two connections, and so the same entry may come on both, in either order.
 */
export class RecoveryFilter {
  readonly #names = new Set<string>();
  #isLooking = false;

  begin(): void {
    this.#isLooking = true;
  }

  end(): void {
    this.#isLooking = false;
  }

  /** Those that were found and have not come already. */
  found(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    return this.#remember(items.filter((item) => !this.#names.has(nameOf(item))));
  }

  /** Those of a reply that were not found before. */
  handedOut(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    if (this.#names.size === 0 && !this.#isLooking) return items;
    const others = items.filter((item) => !this.#names.has(nameOf(item)));
    return this.#isLooking ? this.#remember(others) : others;
  }

  #remember(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    for (const item of items) this.#names.add(nameOf(item));
    for (const name of this.#names) {
      if (this.#names.size <= MAX_NAMES) break;
      this.#names.delete(name);
    }
    return items;
  }
}

/** What a consumer had that was given up comes again, to one of another name. */
function nameOf({ origin, name }: InFlightEntry): string {
  return `${origin.consumer} ${name}`;
}
