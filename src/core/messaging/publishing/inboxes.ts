import { MessagingError } from '../ports/errors.js';
import { carriesReplies, type Inbox } from '../ports/replies.js';
import type { Clock, Transport, WireMessage } from '../ports/transport.js';
import { withDeadline } from '../transport-kit/deadline.js';

/** Longest wait for an inbox; a transport that does not answer must not hold up the requests after this one. */
const OPEN_TIMEOUT_MS = 10_000;

/** One inbox for each transport that requests are sent on, opened with the first of them. */
export class Inboxes {
  readonly #open = new Map<Transport, Inbox>();
  readonly #opening = new Map<Transport, Promise<Inbox>>();
  #isClosed = false;

  /** @param onReply also gets the name of the transport. */
  constructor(
    private readonly clock: Clock,
    private readonly onReply: (transport: string, reply: WireMessage) => void,
  ) {}

  /** A promise only for the first request. Rejects when the inbox cannot be opened now; the next request tries again. */
  of(transport: Transport): Inbox | Promise<Inbox> {
    return this.#open.get(transport) ?? this.#opening.get(transport) ?? this.#openOn(transport);
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open.values()].map((inbox) => inbox.close().catch(() => undefined)));
    this.#open.clear();
  }

  #openOn(transport: Transport): Promise<Inbox> {
    const opening = this.#ask(transport).finally(() => this.#opening.delete(transport));
    this.#opening.set(transport, opening);
    return opening;
  }

  async #ask(transport: Transport): Promise<Inbox> {
    const { name } = transport;
    if (!carriesReplies(transport))
      throw new MessagingError('CONFIGURATION', `Transport "${name}" carries no replies.`);
    const late = (): Error =>
      new MessagingError(
        'DEADLINE_EXCEEDED',
        `Transport "${name}" opened no inbox within ${OPEN_TIMEOUT_MS} ms.`,
      );
    const asked = transport.openInbox((reply) => this.onReply(name, reply));
    asked.then(
      (inbox) => this.#adopt(transport, inbox),
      () => undefined,
    );
    return withDeadline(asked, OPEN_TIMEOUT_MS, late, this.clock);
  }

  /** Also one that comes late. */
  #adopt(transport: Transport, inbox: Inbox): void {
    if (this.#isClosed || this.#open.has(transport)) void inbox.close().catch(() => undefined);
    else this.#open.set(transport, inbox);
  }
}
