import { Redactor } from '../../src/core/messaging/redaction/redactor.js';
import { Logger } from '@nestjs/common';
import type { AuditSink } from '../../src/core/messaging/observing/audit-entry.js';
import { AuditLog } from '../../src/core/messaging/dead-letters/audit-log.js';
import { OperationsService } from '../../src/core/messaging/operations/operations.service.js';
import type { ControlStore } from '../../src/core/messaging/ports/control-store.js';
import { MemoryControlStore } from '../../src/core/messaging/transport-kit/memory-control-store.js';
import { DeadLetterService } from '../../src/core/messaging/dead-letters/dead-letter.service.js';
import type { DeadLetterLimits } from '../../src/core/messaging/ports/dead-letter-limits.js';
import type { NewDeadLetter } from '../../src/core/messaging/ports/dead-letter-store.js';
import { HEADER } from '../../src/core/messaging/message/headers.js';
import { uuidV7 } from '../../src/core/messaging/message/ids.js';
import type { MessagingEvent } from '../../src/core/messaging/observing/events.js';
import type { PublishOutcome, WireMessage } from '../../src/core/messaging/ports/transport.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { HandClock } from './hand-clock.js';

type Answer = (message: WireMessage) => PublishOutcome | Promise<PublishOutcome>;
const accept: Answer = () => ({ kind: 'accepted' });

/** A dead letter service whose publisher answers as told, with everything it did. */
export function setUp(answer: Answer = accept, sink?: AuditSink, limits: DeadLetterLimits = {}) {
  const clock = new HandClock();
  const store = new MemoryDeadLetterStore({ clock });
  const sent: { to: object; transport: string; message: WireMessage }[] = [];
  const events: MessagingEvent[] = [];
  const lines: unknown[] = [];
  jest.spyOn(Logger.prototype, 'log').mockImplementation((line: unknown) => void lines.push(line));
  const publisher = {
    publish: async (transport: string, to: object, message: WireMessage) => {
      sent.push({ to, transport, message });
      return { transport, outcome: await answer(message) };
    },
  };
  const emit = (event: MessagingEvent): void => void events.push(event);
  const auditLog = new AuditLog(clock, emit, sink);
  const service = new DeadLetterService(store, publisher, emit, clock, auditLog, limits, new Redactor());
  const control = new MemoryControlStore({ clock });
  const operationsOf = (shared: ControlStore = control): OperationsService =>
    new OperationsService(shared, store, publisher, emit, clock, auditLog);
  const park = async (n = 1): Promise<string> => {
    await clock.advance(1);
    return service.park(deadLetter(n, clock.now()));
  };
  const audit = () => lines.map((line) => JSON.parse(String(line)) as object);
  return { clock, store, service, operationsOf, control, auditLog, sent, events, park, audit };
}

export function deadLetter(n: number, now: number): NewDeadLetter {
  return {
    id: uuidV7(now),
    topic: 'orders.placed',
    group: 'billing',
    handler: 'Billing.charge',
    transport: 'main',
    messageId: `m-${n}`,
    key: `k-${n}`,
    reason: 'handler_error',
    error: { type: 'Error', message: 'x' },
    fingerprint: 'f',
    attempts: 5,
    history: [],
    firstFailedAt: now,
    deadLetteredAt: now,
    headers: { [HEADER.attempt]: '5', [HEADER.history]: '1@1:Error', tenant: 'a', [HEADER.type]: 't' },
    body: Uint8Array.of(1, 0, 255),
  };
}

export const by = { actor: 'ann', reason: 'INC-1' };
export const failure = (kind: 'unavailable' | 'refused' | 'unknown'): PublishOutcome => ({
  kind,
  error: Object.assign(new Error('canary'), { code: 'ECONNRESET' }),
});
