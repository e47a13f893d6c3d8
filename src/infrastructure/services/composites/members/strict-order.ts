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

/** The outcomes of messages whose only member is unhealthy. Nothing was tried: probes find out when it works again. */
export function waitingFor(member: Pick<Member, 'name'>, messages: readonly WireMessage[]): PublishOutcome[] {
  const text = `"${member.name}" is unavailable, and messages with this key go to no other member, so that they keep their order.`;
  const error = new MessagingError('TRANSPORT_UNAVAILABLE', text);
  return messages.map(() => ({ kind: 'unavailable', error }));
}
