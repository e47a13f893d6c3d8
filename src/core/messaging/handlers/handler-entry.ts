import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { HandlerIdentity } from '../observing/events.js';
import type { MessageContext } from '../message/message-context.js';
import type { MessageType } from '../message/message-type.js';
import type { ErrorMatch, RetryPolicy } from '../retry-policy.js';
import type { Subscription } from '../ports/transport.js';

/** When a handler is stopped because what it depends on is down. */
export interface KillSwitchPolicy {
  /** Failures in a row that open it. */
  readonly after: number;
  /** Failures that count. They use no attempt. */
  readonly errors: readonly ErrorMatch[];
  /** Time between two messages that try whether it works again. */
  readonly probeEveryMs: number;
}

/** One handler of one topic in one group, with everything resolved at boot that a delivery needs. */
export interface HandlerEntry extends HandlerIdentity, Subscription {
  /** Absent for a handler of a topic that is known by its name only: its payload is JSON and is not validated. */
  readonly type: MessageType | undefined;
  /** What the reply of a request must be. Absent for a handler of messages. */
  readonly output?: StandardSchemaV1;
  readonly policy: RetryPolicy;
  /** `0` lets the handler run for as long as it likes. */
  readonly timeoutMs: number;
  /** How long a handled message is remembered so that a second copy is not handled; 0 remembers nothing. */
  readonly idempotencyWindowMs: number;
  /** Undefined for a handler that is never stopped. */
  readonly killSwitch?: KillSwitchPolicy | undefined;
  /** Runs guards, pipes, interceptors, the method and exception filters. May throw, reject or return anything. */
  readonly invoke: (payload: unknown, context: MessageContext) => unknown;
}

export function hasKillSwitch(
  entry: HandlerEntry,
): entry is HandlerEntry & { readonly killSwitch: KillSwitchPolicy } {
  return entry.killSwitch !== undefined;
}
