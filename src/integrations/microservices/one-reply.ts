import { map, type MonoTypeOperatorFunction } from 'rxjs';
import { RequestError } from '../../core/messaging/index.js';

/**
 * Fails a request whose handler emits a second value. Clients of Nest's transports get every value, and here all but one would be
 * lost without a word.
 */
export function oneReply(handler: string): MonoTypeOperatorFunction<unknown> {
  return map((value, index) => {
    if (index === 0) return value;
    throw new RequestError(
      'REPLY_INVALID',
      `${handler} emitted a second value, and a request has one reply. Return one value (the operator toArray() makes one of many), or emit them as events.`,
    );
  });
}
