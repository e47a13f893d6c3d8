import { Injectable } from '@nestjs/common';
import {
  DeadLetterService,
  type DeadLetterStore,
  type IdempotencyStore,
  MessageContext,
  MessageHandler,
  systemClock,
  type Transport,
} from '../../src/core/messaging/index.js';
import { OWN_HEADERS } from '../../src/core/messaging/ports/headers.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootApp } from '../support/messaging-app.js';
import {
  Audited,
  Cancelled,
  Declined,
  Paid,
  type Payload,
  Placed,
  RAW_BODY,
  Refunded,
  Reminded,
  Returned,
} from './sample-messages.js';

/** Opened on a copy of a sample, not connected yet. */
interface LeftBehind {
  readonly transport: Transport;
  readonly deadLetters: DeadLetterStore;
  readonly idempotency: IdempotencyStore;
}

interface Handled {
  readonly group: string;
  readonly id: string;
  readonly attempt: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What was due, each once: what was in hand when the process died or had failed is on its second attempt. */
const DUE = [
  'billing ann-0 2',
  'billing ann-1 1',
  'billing ann-2 1',
  'billing ann-3 1',
  'billing bob-0 2',
  'billing bob-1 1',
  'billing cat-0 2',
  'billing plain 1',
  'payments paid-hanging 2',
  'payments paid-later 1',
  'refunds refunded 2',
  'reminders reminded-soon 1',
  'returns returned-failing 1',
  'returns returned-hanging 2',
];
const KEYS = {
  ann: ['ann-0', 'ann-1', 'ann-2', 'ann-3'],
  bob: ['bob-0', 'bob-1'],
};
const FIRST = { attempt: 1, at: expect.any(Number) as number, errorType: 'Declined' };
const SECOND = { ...FIRST, attempt: 2 };
const GROUPS = [
  [Placed, 'billing'],
  [Placed, 'stock'],
  [Refunded, 'refunds'],
  [Reminded, 'reminders'],
  [Cancelled, 'refunds'],
  [Returned, 'returns'],
  [Paid, 'payments'],
  [Audited, 'audit'],
] as const;
const NONE = { ready: 0, inFlight: 0, delayed: 0 };
const by = { actor: 'ann', reason: 'the bank says yes' };

/** The groups of the sample with handlers that work, except that a refund is declined again. */
@Injectable()
class Orders {
  constructor(private readonly handled: Handled[]) {}

  @MessageHandler(Placed, { group: 'billing', ordering: 'key', concurrency: 3 })
  bill(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  @MessageHandler(Placed, { group: 'stock' })
  reserve(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  @MessageHandler(Refunded, { group: 'refunds', attempts: 2 })
  refund(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
    throw new Declined('the bank said no');
  }

  @MessageHandler(Reminded, { group: 'reminders' })
  remind(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  @MessageHandler(Cancelled, { group: 'refunds' })
  cancel(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  @MessageHandler(Returned, { group: 'returns', concurrency: 1 })
  takeBack(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  @MessageHandler(Paid, { group: 'payments', concurrency: 1, idempotencyWindowMs: 60_000 })
  pay(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  @MessageHandler(Audited, { group: 'audit' })
  audit(payload: Payload, context: MessageContext): void {
    this.#note(payload, context);
  }

  #note({ note }: Payload, { messageId: id, group, attempt, key, headers }: MessageContext): void {
    expect(note).toBe(id);
    this.handled.push({ group, id, attempt, key, headers });
  }
}

/** Works off what an application of an earlier commit has left behind, and checks that nothing of it is lost or doubled. */
export async function checkLeftBehind({ transport, deadLetters, idempotency }: LeftBehind): Promise<void> {
  const bootedAt = systemClock.now();
  const handled: Handled[] = [];
  const { app } = await bootApp(
    { providers: [{ provide: Orders, useValue: new Orders(handled) }] },
    { transports: [transport], deadLetters, idempotency },
  );
  const service = app.get(DeadLetterService);
  const openWork = () =>
    Promise.all(GROUPS.map(([{ name: topic }, group]) => transport.backlog({ topic, group })));
  const isDone = async () => {
    const work = await openWork();
    return handled.length >= DUE.length && work.every(({ ready, inFlight }) => ready + inFlight === 0);
  };
  await waitUntil('all that is due is handled', isDone, 15_000).catch(() => undefined); // what is missing is told below

  expect(handled.map(({ group, id, attempt }) => `${group} ${id} ${attempt}`).sort()).toEqual(DUE);
  for (const [key, ids] of Object.entries(KEYS))
    expect(handled.filter((one) => one.key === key).map(({ id }) => id)).toEqual(ids);
  expect(handled.find(({ id }) => id === 'plain')?.headers).toMatchObject({ tenant: 'acme' });
  expect((await openWork()).map(({ ready, inFlight, delayed }) => ({ ready, inFlight, delayed }))).toEqual(
    GROUPS.map(([type]) => (type === Reminded ? { ...NONE, delayed: 1 } : NONE)), // the one of the next century
  );

  const letters = new Map(
    (await deadLetters.list({}, { limit: 100 })).items.map((letter) => [letter.messageId, letter]),
  );
  expect([...letters.keys()].sort()).toEqual(['cancelled', 'raw', 'refunded', 'returned-failing']);
  expect(letters.get('returned-failing')).toMatchObject({ status: 'resolved', replayCount: 1 });
  const refunded = letters.get('refunded')!;
  expect(refunded).toMatchObject({ status: 'failed', attempts: 2, history: [FIRST, SECOND] });
  expect(refunded.firstFailedAt).toBeLessThan(bootedAt);
  const raw = await deadLetters.find(letters.get('raw')!.id);
  expect(raw).toMatchObject({
    status: 'failed',
    reason: 'deserialization_failed',
    bodyBytes: RAW_BODY.length,
  });
  expect(Buffer.from(raw!.body)).toEqual(RAW_BODY);
  const cancelled = letters.get('cancelled')!;
  expect(cancelled).toMatchObject({
    status: 'failed',
    topic: 'orders.cancelled',
    group: 'refunds',
    key: 'ann',
    reason: 'handler_error',
    error: { type: 'Declined', message: 'the bank said no' },
    attempts: 2,
    history: [FIRST, SECOND],
  });

  await service.replay(cancelled.id, by);
  await waitUntil(
    'the replay is handled',
    async () => (await deadLetters.find(cancelled.id))?.status === 'resolved',
  );
  expect(handled.slice(DUE.length)).toEqual([
    expect.objectContaining({ group: 'refunds', id: 'cancelled', key: 'ann', attempt: 1 }),
  ]);
  const { headers } = handled.at(-1)!;
  expect(headers).toMatchObject({ tenant: 'acme' });
  expect(headers).not.toHaveProperty(OWN_HEADERS.history.earlierName);
}
