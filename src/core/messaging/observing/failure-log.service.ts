import { Injectable, type OnModuleInit } from '@nestjs/common';
import { errorCodeOf } from '../ports/errors.js';
import type { MessagingEvent, MessagingObserver } from './events.js';
import { OwnLogger } from './own-logger.js';
import { ObserverList } from './observer-list.js';
import type { TransportEvent } from '../ports/transport.js';
import { Redactor } from '../redaction/redactor.js';
import { shownError } from './event-messages.js';

/** Lines a second for one kind of failure; a broken handler under load must not fill the disk with logs. */
const LINES_PER_SECOND = 5;

/** Characters of the text of an error. */
const MAX_DETAIL = 500;

const GOOD_NEWS: ReadonlySet<TransportEvent['type']> = new Set([
  'connected',
  'unblocked',
  'problem-solved',
] as const);

interface Budget {
  second: number;
  lines: number;
  suppressed: number;
}

/** One structured line for every failure, and for what happens to transports: what, where, which attempt and what came of it. Never the payload. */
@Injectable()
export class FailureLogService implements MessagingObserver, OnModuleInit {
  readonly #logger = new OwnLogger('Messaging');
  readonly #budgets = new Map<string, Budget>();

  constructor(
    private readonly observers: ObserverList,
    private readonly redactor: Redactor,
  ) {}

  onModuleInit(): void {
    this.observers.observe(this);
  }

  on(event: MessagingEvent): void {
    if (event.type === 'failed') {
      const { to, disposition, reason, attempt, messageId, transport, delayMs, error } = event;
      this.#log(
        `${to.handler} ${disposition} ${error.name}`,
        disposition === 'dead_letter' ? 'error' : 'warn',
        {
          event: 'message-failed',
          ...identify(to),
          ...{ messageId, transport, attempt, disposition, reason, delayMs },
          error: errorCodeOf(error),
        },
        () => shownError(error, event, this.redactor),
      );
    } else if (event.type === 'store-failed') {
      const { to, store, error } = event;
      this.#log(`${store} ${to.handler}`, 'error', {
        event: 'store-failed',
        ...identify(to),
        ...{ store, error: errorCodeOf(error) },
      });
    } else if (event.type === 'postponed') this.#logPostponed(event);
    else if (event.type === 'request-dropped') this.#logDropped(event);
    else if (event.type === 'kill-switch') this.#logKillSwitch(event);
    else if (event.type === 'dead-letter-removed') this.#logRemoved(event);
    else if (event.type === 'transport') this.#logTransport(event.transport, event.event);
  }

  #logRemoved({
    type,
    topic,
    group,
    ...removed
  }: Extract<MessagingEvent, { type: 'dead-letter-removed' }>): void {
    const isLost = removed.status === 'failed';
    const line = { event: type, topic, group, ...removed };
    this.#log(`${type} ${topic} ${group}`, isLost ? 'warn' : 'log', line);
  }

  #logPostponed(event: Extract<MessagingEvent, { type: 'postponed' }>): void {
    const { to, reason, attempt, messageId, transport, delayMs, error } = event;
    // A claim is ordinary, and a store has its own line.
    if (reason !== 'abandoned' && reason !== 'kill-switch') return;
    this.#log(
      `${to.handler} postponed ${reason}`,
      'warn',
      {
        event: 'message-postponed',
        ...identify(to),
        ...{ messageId, transport, attempt, reason, delayMs },
        ...(error && { error: errorCodeOf(error) }),
      },
      error && (() => shownError(error, event, this.redactor)),
    );
  }

  #logKillSwitch({ to, change, errorType }: Extract<MessagingEvent, { type: 'kill-switch' }>): void {
    this.#log(`${to.handler} kill-switch ${change}`, change === 'opened' ? 'error' : 'log', {
      event: `kill-switch-${change}`,
      ...identify(to),
      error: errorType,
    });
  }

  #logDropped({
    type,
    to,
    reason,
    messageId,
    transport,
  }: Extract<MessagingEvent, { type: 'request-dropped' }>): void {
    if (reason === 'expired') return; // its asker has the error
    const line = { event: type, ...identify(to), messageId, transport, reason };
    this.#log(`${to.handler} ${type} ${reason}`, 'warn', line);
  }

  #logTransport(transport: string, event: TransportEvent): void {
    if (event.type === 'settlement-dropped') return; // as many as were in flight, and each comes again
    const { type } = event;
    const what = 'problem' in event ? event.problem : omitType(event);
    const line = { event: `transport-${type}`, transport };
    const error = 'error' in event ? event.error : undefined;
    // A transport that is closed on purpose disconnects without an error.
    const isExpected = GOOD_NEWS.has(type) || (type === 'disconnected' && error === undefined);
    const level = isExpected ? 'log' : 'warn';
    // A cause is a kind of its own, so that many problems of one kind do not hide another.
    const kind = 'problem' in event ? `${type} ${event.problem.code}` : type;
    this.#log(
      `${transport} ${kind}`,
      level,
      { ...line, ...(error ? { error: errorCodeOf(error) } : what) },
      error && (() => this.redactor.text(error.message)),
    );
  }

  /** @param detail what an error says. Called for lines that are written, because it may read a whole message. */
  #log(
    kind: string,
    level: 'log' | 'warn' | 'error',
    line: Record<string, unknown>,
    detail?: () => string,
  ): void {
    const budget = this.#budgetFor(kind);
    if (budget.lines >= LINES_PER_SECOND) {
      budget.suppressed += 1;
      return;
    }
    budget.lines += 1;
    this.#logger[level]({ ...line, ...(detail && { detail: detail().slice(0, MAX_DETAIL) }) });
  }

  #budgetFor(kind: string): Budget {
    const second = Math.floor(performance.now() / 1_000);
    const known = this.#budgets.get(kind);
    if (known?.second === second) return known;
    if (known && known.suppressed > 0)
      this.#logger.warn(`${known.suppressed} more lines like "${kind}" were left out.`);
    // Kinds are handlers times error classes; a handler that makes up class names must not grow this for ever.
    if (this.#budgets.size > 1_000) this.#budgets.clear();
    const budget = { second, lines: 0, suppressed: 0 };
    this.#budgets.set(kind, budget);
    return budget;
  }
}

function omitType({ type: _, ...what }: TransportEvent): Record<string, unknown> {
  return what;
}

function identify({
  topic,
  group,
  handler,
}: {
  topic: string;
  group: string;
  handler: string;
}): Record<string, string> {
  return { topic, group, handler };
}
