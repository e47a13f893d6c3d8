import { errorCodeOf, type PublishError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { Recent } from './recent.js';

/** Enough for a question that is asked at once, and a few megabytes. */
const REMEMBERED = 10_000;

/** What became of a publish of this process. */
export interface RememberedPublish {
  readonly at: number;
  readonly messageId: string;
  readonly topic: string;
  readonly what: 'published' | 'spooled' | 'not-published' | 'possibly-published';
  /** Of the transport that has the message. */
  readonly transport?: string;
  readonly errorCode?: string;
}

interface Receipt {
  readonly messageId: string;
  readonly status: 'accepted' | 'spooled';
  readonly transport: string;
}

/** Remembers what became of the last publishes of this process, so that one can be asked for by its id. */
export class RecentPublishes {
  readonly #recent = new Recent<RememberedPublish>(REMEMBERED);

  constructor(private readonly clock: Clock) {}

  accepted(topic: string, { messageId, status, transport }: Receipt): void {
    const what = status === 'spooled' ? 'spooled' : 'published';
    this.#recent.add({ at: this.clock.now(), messageId, topic, what, transport });
  }

  failed(topic: string, messageId: string, error: PublishError): void {
    const what = error.code === 'PUBLISH_UNKNOWN' ? 'possibly-published' : 'not-published';
    this.#recent.add({ at: this.clock.now(), messageId, topic, what, errorCode: errorCodeOf(error) });
  }

  of(messageId: string): readonly RememberedPublish[] {
    return this.#recent.find((one) => one.messageId === messageId);
  }

  get since(): number | undefined {
    return this.#recent.since;
  }
}
