import type { MessageContext } from '../core/messaging/message/message-context.js';
import { aliasesOf, type AnyMessageType, type PayloadOf } from '../core/messaging/message/message-type.js';
import type {
  HandlerIdentity,
  MessagingEvent,
  MessagingObserver,
} from '../core/messaging/observing/events.js';
import { payloadOf } from './payload.js';

/** A message that a handler has handled successfully. */
export interface HandledMessage<TPayload = unknown> {
  readonly topic: string;
  readonly group: string;
  /** `Class.method`. */
  readonly handler: string;
  readonly messageId: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The attempt that succeeded, 1 for the first. */
  readonly attempt: number;
  /** Name of the transport that delivered it. */
  readonly transport: string;
  readonly payload: TPayload;
}

/** Which attempts fail, and how. */
export interface PlannedFailure {
  /** Group whose handler fails. @default every group */
  readonly group?: string;
  /** What the handler throws. @default an Error, which is retried */
  readonly error?: Error;
  /** How many attempts fail. @default 1 */
  readonly times?: number;
}

interface Failing {
  readonly topics: readonly string[];
  readonly group: string | undefined;
  readonly error: Error;
  left: number;
}

type Run = Pick<MessageContext, 'topic' | 'group' | 'messageId' | 'attempt'>;

/** Watches every run of a handler, and makes some fail in the place of the handler. */
export class HandlerRuns implements MessagingObserver {
  readonly #running = new Map<string, MessageContext>();
  readonly #handled: MessageContext[] = [];
  readonly #failing: Failing[] = [];
  /** Runs that were waited for and did not end. */
  readonly #hanging = new WeakSet<MessageContext>();

  get running(): readonly MessageContext[] {
    return [...this.#running.values()];
  }

  /** Those that may still end by themselves. */
  get unfinished(): readonly MessageContext[] {
    return this.running.filter((run) => !this.#hanging.has(run));
  }

  /** From now on, runs that have not ended by now are not waited for. */
  giveUp(): void {
    for (const run of this.running) this.#hanging.add(run);
  }

  failNext(type: AnyMessageType, { group, error, times = 1 }: PlannedFailure): void {
    this.#failing.push({
      topics: topicsOf(type),
      group,
      error: error ?? new Error(`A handler of "${type.name}" fails because failNext asked for it.`),
      left: times,
    });
  }

  /** Around every handler, outermost. */
  readonly around = (context: MessageContext, next: () => Promise<unknown>): Promise<unknown> => {
    this.#running.set(keyOf(context), context);
    const failing = this.#failing.find(
      ({ topics, group, left }) =>
        left > 0 && topics.includes(context.topic) && (group === undefined || group === context.group),
    );
    if (!failing) return next();
    failing.left -= 1;
    return Promise.reject(failing.error);
  };

  /** Runs end here and not when the handler does: after its timeout, the handler is not waited for. */
  on(event: MessagingEvent): void {
    if (event.type !== 'handled' && event.type !== 'failed' && event.type !== 'postponed') return;
    const key = keyOf({ ...identityOf(event.to), messageId: event.messageId, attempt: event.attempt });
    const run = this.#running.get(key);
    if (!run) return;
    this.#running.delete(key);
    if (event.type === 'handled') this.#handled.push(run);
  }

  handled<TType extends AnyMessageType>(type: TType): HandledMessage<PayloadOf<TType>>[] {
    const topics = topicsOf(type);
    return this.#handled
      .filter(({ topic }) => topics.includes(topic))
      .map(({ topic, group, handler, messageId, key, headers, attempt, transport, body }) => ({
        ...{ topic, group, handler, messageId, key, headers, attempt, transport },
        payload: payloadOf(type, body),
      }));
  }

  clear(): void {
    this.#handled.length = 0;
    this.#failing.length = 0;
  }
}

/** @throws TypeError for what is no message type, as JavaScript may give. */
export function topicsOf(type: AnyMessageType): readonly string[] {
  const given: unknown = type;
  if (typeof (given as Partial<AnyMessageType> | undefined)?.name !== 'string')
    throw new TypeError(
      `This is no message type: ${typeof given}. Give what defineMessage returns. Files that import each other see undefined.`,
    );
  return [type.name, ...aliasesOf(type)];
}

function identityOf({ topic, group }: HandlerIdentity): Pick<HandlerIdentity, 'topic' | 'group'> {
  return { topic, group };
}

function keyOf({ topic, group, messageId, attempt }: Run): string {
  return JSON.stringify([topic, group, messageId, attempt]);
}
