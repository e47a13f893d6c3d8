import type { MessageType } from '../message/message-type.js';
import { describeIssues, listIssues } from '../message/schema-issues.js';
import { InvalidMessageError } from '../ports/errors.js';

/**
 * Proves once that messages of a type arrive as what their schema accepts. A schema that wants a Date, a Map or bytes accepts them at the
 * publisher and refuses what JSON makes of them at the consumer, so that every message would become a dead letter.
 */
export class RoundTrip {
  #isProven = false;

  constructor(private readonly type: MessageType) {}

  /**
   * Undefined once it is proven, mostly at once; a promise of it where the schema validates asynchronously.
   *
   * @param body the encoded payload of a message that is valid.
   * @throws InvalidMessageError `PAYLOAD_INVALID` when the consumer would refuse the message. Nothing is proven then.
   */
  prove(body: Uint8Array): Promise<void> | undefined {
    if (this.#isProven) return undefined;
    const result = this.type.schema['~standard'].validate(this.#decoded(body));
    if (result instanceof Promise) return result.then((later) => this.#conclude(later));
    this.#conclude(result);
    return undefined;
  }

  #decoded(body: Uint8Array): unknown {
    try {
      return this.type.codec.decode(body);
    } catch (cause) {
      const text = `The payload of "${this.type.name}" was not sent: its codec cannot decode what it encodes. Correct the codec, or send a payload that it can carry.`;
      throw new InvalidMessageError('PAYLOAD_INVALID', text, [], { cause });
    }
  }

  #conclude({ issues }: Awaited<ReturnType<MessageType['schema']['~standard']['validate']>>): void {
    if (issues)
      throw new InvalidMessageError(
        'PAYLOAD_INVALID',
        `The payload of "${this.type.name}" was not sent: its schema accepts it here, and refuses what ${this.type.codec.contentType} makes of it ` +
          `where it arrives: ${describeIssues(issues)}. Let the schema accept the encoded form, such as z.coerce.date(), or give the type a codec that keeps the value.`,
        listIssues(issues),
      );
    this.#isProven = true;
  }
}
