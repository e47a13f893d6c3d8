import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type {
  PublishOptions,
  PublishOutcome,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { Member } from './member.js';

/** Whether the message may go to the broker of its key only. */
export function isStrict({ key }: WireMessage, { ordering }: PublishOptions): boolean {
  return ordering === 'strict' && key !== undefined;
}

/** What is said of messages that would have to go to a member that does not work. Nothing was tried: probes will tell. */
export function waitingFor(member: Pick<Member, 'name'>, messages: readonly WireMessage[]): PublishOutcome[] {
  const text = `"${member.name}" does not work now, and messages with this key go nowhere else, so that they keep their order.`;
  const error = new MessagingError('TRANSPORT_UNAVAILABLE', text);
  return messages.map(() => ({ kind: 'unavailable', error }));
}
