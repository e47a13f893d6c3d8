import type { ModuleRef } from '@nestjs/core';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import { errorCodeOf } from '../../../core/messaging/ports/errors.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';
import { withDeadline } from '../../../core/messaging/transport-kit/deadline.js';
import {
  type AdminAuthorizer,
  type AdminAuthorizerOption,
  type AdminIdentity,
  type AdminRequest,
  authorizerOf,
} from './admin-authorizer.js';
import { clientAddress } from './callers/client-address.js';
import { FailedKeys } from './callers/failed-keys.js';

/** Headers and queries that may carry a key. A request without one tries nothing, so it does not count as a failure. */
const MAY_CARRY_A_KEY = /auth|cookie|key|token|secret|passw|credential|session|signature|assertion|code|pin/i;

/** Who asks. `blocked`: too many keys from this address have failed, so this one is not looked at. */
export type Authentication =
  | { readonly kind: 'known'; readonly identity: AdminIdentity }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'failed'; readonly errorCode: string }
  | { readonly kind: 'blocked'; readonly forMs: number };

/** By authorizer, so that whatever asks the same one counts together. A symbol of the registry is no key of a WeakMap. */
const failuresOfFunctions = new WeakMap<object, FailedKeys>();
const failuresOfSymbols = new Map<symbol, FailedKeys>();

function failuresOf(option: AdminAuthorizerOption): FailedKeys {
  const known = typeof option === 'symbol' ? failuresOfSymbols.get(option) : failuresOfFunctions.get(option);
  if (known) return known;
  const failures = new FailedKeys();
  if (typeof option === 'symbol') failuresOfSymbols.set(option, failures);
  else failuresOfFunctions.set(option, failures);
  return failures;
}

/** Asks the authorizer, unless 20 keys from the caller's address have failed within a minute. Never rejects. */
export async function authenticate(
  option: AdminAuthorizerOption,
  request: AdminRequest,
  {
    clock,
    timeoutMs,
    moduleRef,
  }: { readonly clock: Clock; readonly timeoutMs: number; readonly moduleRef: ModuleRef },
): Promise<Authentication> {
  const failures = failuresOf(option);
  const address = clientAddress(request);
  const blocked = (): Authentication | undefined => {
    const forMs = failures.blockedForMs(address, clock.monotonic());
    return forMs > 0 ? { kind: 'blocked', forMs } : undefined;
  };
  const before = blocked();
  if (before) return before;
  const answer = await ask(authorizerOf(option, moduleRef), request, timeoutMs);
  // Again, because many can be asked at the same time, and none of their answers may say whether its key was right.
  const meanwhile = blocked();
  if (meanwhile) return meanwhile;
  if (answer.kind !== 'known' && answer.kind !== 'late' && presentsKey(request))
    failures.add(address, clock.monotonic());
  return answer.kind === 'late' ? { kind: 'failed', errorCode: 'DEADLINE_EXCEEDED' } : answer;
}

const LATE = new Error('Too late');

type Answer = Exclude<Authentication, { kind: 'blocked' }> | { readonly kind: 'late' };

async function ask(authorizer: AdminAuthorizer, request: AdminRequest, timeoutMs: number): Promise<Answer> {
  try {
    // An async function, so that a synchronous throw of the authorizer becomes a rejection.
    const asking = (async () => authorizer(request))();
    const identity = await withDeadline(asking, timeoutMs, () => LATE, systemClock);
    return identity ? { kind: 'known', identity } : { kind: 'unknown' };
  } catch (error) {
    return error === LATE ? { kind: 'late' } : { kind: 'failed', errorCode: errorCodeOf(error) };
  }
}

function presentsKey({ headers, url }: AdminRequest): boolean {
  const [, query = ''] = url.split('?', 2);
  const names = [...Object.keys(headers).filter((name) => !name.startsWith(':')), query];
  return names.some((name) => MAY_CARRY_A_KEY.test(name));
}
