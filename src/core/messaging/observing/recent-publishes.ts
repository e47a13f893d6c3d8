import { errorCodeOf, type PublishError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { Recent } from './recent.js';

/** Enough for a question that is asked at once, and a megabyte. */
const REMEMBERED = 10_000;

/** What became of a publish of this process. */
export interface RememberedPublish {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly topic: string;
  readonly what: 'published' | 'spooled' | 'not-published' | 'possibly-published';
  /** Of the transport that has the message. */
  readonly transport?: string;
  readonly errorCode?: string;
}

/** What a receipt says of it. */
interface Receipt {
  readonly messageId: string;
  readonly status: 'accepted' | 'spooled';
  readonly transport: string;
}

interface Place {
  readonly topic: string;
  readonly errorCode: string;
}

/** Remembers what became of the last publishes of this process, so that one can be asked for by its id. */
export class RecentPublishes {
  readonly #accepted = new Recent<'published' | 'spooled', string>(REMEMBERED);
  readonly #failed = new Recent<'not-published' | 'possibly-published', Place>(REMEMBERED);

  constructor(private readonly clock: Clock) {}

  accepted(topic: string, receipt: Receipt): void {
    const what = receipt.status === 'spooled' ? 'spooled' : 'published';
    this.#accepted.add(receipt, what, topic, this.clock.now());
  }

  failed(topic: string, messageId: string, error: PublishError): void {
    const what = error.code === 'PUBLISH_UNKNOWN' ? 'possibly-published' : 'not-published';
    this.#failed.add({ messageId }, what, { topic, errorCode: errorCodeOf(error) }, this.clock.now());
  }

  /** Oldest first. */
  of(messageId: string): readonly RememberedPublish[] {
    const accepted = this.#accepted
      .of(messageId)
      .map(({ at, what, place, transport }) => ({ at, what, topic: place, ...(transport && { transport }) }));
    const failed = this.#failed.of(messageId).map(({ at, what, place }) => ({ at, what, ...place }));
    return [...accepted, ...failed].sort((one, other) => one.at - other.at);
  }

  /** When the oldest of those that were accepted was; undefined as long as nothing was forgotten. */
  get since(): number | undefined {
    return this.#accepted.since;
  }
}
