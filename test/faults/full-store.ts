import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  type DeadLetterStore,
  defineMessage,
  MessageHandler,
  type MessagingEvent,
  type PayloadOf,
  PermanentError,
} from '../../src/core/messaging/index.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { authorizer, bootOperations, jsonOf } from '../support/operations-app.js';

const Order = defineMessage('full.store', z.object({ id: z.string(), fails: z.boolean() }));
const ROOM = 2;
const FAILING = 6;
/** At 0, 1, 2, 4 and 8 s, and some more of a message that failed while the store was full already. */
const MOST_TRIES = 6;
const WATCHED_MS = 8_000;
const ACTOR = { actor: 'test', force: true };

@Injectable()
class Orders {
  static readonly runs: string[] = [];

  @MessageHandler(Order, { group: 'full', concurrency: 4 })
  on({ id, fails }: PayloadOf<typeof Order>): void {
    Orders.runs.push(id);
    if (fails) throw new PermanentError('never');
  }
}

/** A store of dead letters with room for two, behind this transport. The application is closed by `closeOperations`. */
export async function expectMessagesOfAFullStoreToStay(
  transport: Transport,
  store: DeadLetterStore = new MemoryDeadLetterStore(),
): Promise<void> {
  Orders.runs.length = 0;
  const events: MessagingEvent[] = [];
  const { messaging, deadLetters, url } = await bootOperations(
    { providers: [Orders], imports: [HealthModule.forRoot({ authorizer, cacheMs: 0 })] },
    {
      transports: [transport],
      deadLetters: store,
      deadLetterLimits: { maxCount: ROOM },
      observers: [{ on: (event) => events.push(event) }],
    },
  );
  const postponed = () => events.filter((event) => event.type === 'postponed');
  const stored = async () => (await store.list({}, { limit: 50 })).items;
  const health = async (): Promise<{ status: string; problems: string }> => {
    const headers = { authorization: 'Bearer viewer' };
    const { status, info, error } = await jsonOf(await fetch(`${url}/health`, { headers }));
    return { status, problems: String({ ...info, ...error }['messaging-problems']?.problems) };
  };

  for (let n = 0; n < FAILING; n++) await messaging.publish(Order, { id: `bad-${n}`, fails: true });
  await waitUntil('the others are postponed', async () => postponed().length >= FAILING - ROOM, 20_000);
  const since = performance.now();
  await messaging.publish(Order, { id: 'good', fails: false });
  await waitUntil('a neighbour is handled', async () => Orders.runs.includes('good'), 20_000);
  expect(await stored()).toHaveLength(ROOM);
  expect(await health()).toMatchObject({
    status: 'degraded',
    problems: expect.stringContaining('dead_letters_full') as string,
  });
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, WATCHED_MS - (performance.now() - since))));
  expect(postponed().length).toBeLessThanOrEqual((FAILING - ROOM) * MOST_TRIES);
  for (const event of postponed()) expect(event).toMatchObject({ attempt: 1, reason: 'dead-letters-full' });

  const kept = new Map<string, number>();
  await waitUntil(
    'all were stored, as room was made',
    async () => {
      for (const { id, messageId, attempts } of await stored()) {
        kept.set(messageId, attempts);
        if (kept.size < FAILING) await deadLetters.discard(id, ACTOR);
      }
      return kept.size === FAILING;
    },
    90_000,
  );
  for (const { id } of await stored()) await deadLetters.discard(id, ACTOR);
  expect([...kept.values()]).toEqual(Array.from({ length: FAILING }, () => 1));
  // The process remembers how each failed, and does not run its handler again.
  expect(Orders.runs.filter((id) => id.startsWith('bad')).sort()).toEqual(
    Array.from({ length: FAILING }, (_, n) => `bad-${n}`),
  );
  await waitUntil('health is ok again', async () => (await health()).status === 'ok', 40_000);
}
