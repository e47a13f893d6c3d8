import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Override } from '../../../../core/messaging/ports/composite-transport.js';
import type { Member } from './member.js';

/**
 * Does what every transport that is put together from others can do for an operator.
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
      new MessagingError('TRANSPORT_UNAVAILABLE', 'an operator has left it out'),
    );
}

export function memberOf(member: string, name: string, members: readonly Member[]): Member {
  const found = members.find((one) => one.name === member);
  if (!found) throw new MessagingError('NOT_FOUND', `"${name}" has no member "${member}".`);
  return found;
}

function notHere({ action }: Override, name: string): MessagingError {
  return new MessagingError('OPTION_INVALID', `"${name}" cannot do "${action}": it is of another kind.`);
}
