import { randomUUID } from 'node:crypto';
import { MessagingError } from '../ports/errors.js';
import { type Inbox, inboxAddress, InboxPlaces, type OnReply } from '../ports/replies.js';
import type { PublishOutcome, Transport, WireMessage } from '../ports/transport.js';

const ACCEPTED: PublishOutcome = { kind: 'accepted' };

/** The inboxes of a transport whose messages do not leave the process. */
export class LocalInboxes {
  readonly #inboxes = new Map<string, OnReply>();

  readonly #places: InboxPlaces;

  constructor(private readonly transport: Pick<Transport, 'name' | 'system'>) {
    this.#places = new InboxPlaces(transport);
  }

  open(onReply: OnReply): Inbox {
    const place = randomUUID();
    this.#inboxes.set(place, onReply);
    return {
      address: inboxAddress(this.transport, place),
      close: () => {
        this.#inboxes.delete(place);
        return Promise.resolve();
      },
    };
  }

  reply(address: string, reply: WireMessage): PublishOutcome {
    for (const place of this.#places.in(address)) {
      const onReply = this.#inboxes.get(place);
      if (!onReply) continue;
      onReply(reply);
      return ACCEPTED;
    }
    return { kind: 'refused', error: noSuchInbox(this.transport.name) };
  }

  clear(): void {
    this.#inboxes.clear();
  }
}

/** The inbox is closed, or the address is none of an inbox of this transport. */
export function noSuchInbox(transport: string): MessagingError {
  return new MessagingError(
    'NOT_FOUND',
    `There is no inbox for the reply on "${transport}": the process that asked is gone, or asks on another transport.`,
  );
}
