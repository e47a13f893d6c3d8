import type { DeadLetterStore } from '../../src/core/messaging/ports/dead-letter-store.js';
import { adding } from './dead-letters/adding.js';
import { changing } from './dead-letters/changing.js';
import { keeping } from './dead-letters/keeping.js';
import { limiting } from './dead-letters/limiting.js';
import { listing } from './dead-letters/listing.js';
import { overview } from './dead-letters/overview.js';
import { describeStore, type StoreOptions } from './store-suite.js';

/** What every dead letter store owes its callers, as tests. */
export function describeDeadLetterStore(name: string, options: StoreOptions<DeadLetterStore>): void {
  describeStore(
    `${name} as a dead letter store`,
    { adding, changing, listing, overview, keeping, limiting },
    options,
  );
}
