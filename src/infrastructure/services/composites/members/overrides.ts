import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Override } from '../../../../core/messaging/ports/composite-transport.js';
import type { Member } from './member.js';

/**
 * Applies the operator overrides that every transport with members supports.
 *
 * @throws MessagingError `NOT_FOUND` for a member that is not there, `OPTION_INVALID` for what it cannot do, `CONFLICT` for what it
 * cannot do now.
 */
export function overrideMember(override: Override, name: string, members: readonly Member[]): void {
  if (override.action !== 'leave-out' && override.action !== 'reset') throw notHere(override, name);
  const member = memberOf(override.member, name, members);
  if (override.action === 'reset') member.reset();
  else
    member.breaker.leaveOut(
      override.forMs,
      new MessagingError('TRANSPORT_UNAVAILABLE', 'excluded by an operator override'),
    );
}

export function memberOf(member: string, name: string, members: readonly Member[]): Member {
  const found = members.find((one) => one.name === member);
  if (!found) throw new MessagingError('NOT_FOUND', `"${name}" has no member "${member}".`);
  return found;
}

function notHere({ action }: Override, name: string): MessagingError {
  return new MessagingError('OPTION_INVALID', `"${name}" does not support the action "${action}".`);
}
