import type { AnyMessageType, PayloadOf } from '../core/messaging/message/message-type.js';
import type { Transport, WireMessage } from '../core/messaging/ports/transport.js';
import { payloadOf } from './payload.js';

/** A message that a transport has accepted from the application. */
export interface PublishedMessage<TPayload = unknown> {
  readonly topic: string;
  readonly messageId: string;
  readonly key: string | undefined;
  /** All of them, also those of the package. */
  readonly headers: Readonly<Record<string, string>>;
  /** As handlers get it: decoded, and with what the schema makes of it unless that validates asynchronously. */
  readonly payload: TPayload;
  /** Not delivered before this long after it was published. */
  readonly delayMs: number;
  /** `spooled`: it waits in a spool. */
  readonly status: 'accepted' | 'spooled';
  /** Name of the transport that has it. */
  readonly transport: string;
}

type Accepted = Omit<PublishedMessage, 'payload'> & Pick<WireMessage, 'body'>;

/** What the application has published, in order. */
export class PublishedMessages {
  readonly #accepted: Accepted[] = [];
  #pending = 0;

  /** Calls of transports without an outcome yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Records what is published through this transport from now on, but replays, which the application does not publish. */
  watch(transport: Transport): void {
    const publish = transport.publish.bind(transport);
    transport.publish = async (to, messages, options) => {
      this.#pending += 1;
      try {
        const outcomes = await publish(to, messages, options);
        for (const [index, message] of messages.entries()) {
          const outcome = outcomes[index];
          if (outcome?.kind !== 'accepted' || to.group !== undefined) continue;
          const { id: messageId, key, headers, body } = message;
          const { trail } = outcome;
          this.#accepted.push({
            ...{ topic: to.topic, messageId, key, headers, body },
            delayMs: options.delayMs ?? 0,
            status: trail?.status ?? 'accepted',
            transport: trail?.transport ?? transport.name,
          });
        }
        return outcomes;
      } finally {
        this.#pending -= 1;
      }
    };
  }

  of<TType extends AnyMessageType>(type: TType): PublishedMessage<PayloadOf<TType>>[] {
    return this.#accepted
      .filter(({ topic }) => topic === type.name)
      .map(({ body, ...message }) => ({ ...message, payload: payloadOf(type, body) }));
  }

  clear(): void {
    this.#accepted.length = 0;
  }
}
