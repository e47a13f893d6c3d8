import { z } from 'zod';
import { defineMessage, TransportEventRelay } from '../../src/core/messaging/index.js';
import { MessagingError } from '../../src/core/messaging/ports/errors.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { HandClock } from '../support/hand-clock.js';
import { authorizer, bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';

afterEach(closeOperations);

const Order = defineMessage('refused.order', z.object({}));
const ACTOR = { actor: 'test', force: true };

it('a message that a broker refuses is offered to a full store ever more rarely, and health is degraded', async () => {
  const clock = new HandClock();
  const transportEvents = new TransportEventRelay();
  const { deadLetters, url } = await bootOperations(
    { imports: [HealthModule.forRoot({ authorizer, cacheMs: 0 })] },
    { clock, transportEvents, messages: [Order], deadLetterLimits: { maxCount: 1 } },
  );
  const keep = (id: string): Promise<void> =>
    transportEvents.keepRefused({
      to: { topic: 'refused.order', group: 'billing' },
      message: { id, headers: {}, body: Buffer.from('{}') },
      error: new MessagingError('MESSAGE_TOO_LARGE', 'too large'),
      transport: 'main',
    });
  const health = async (): Promise<string> => {
    const headers = { authorization: 'Bearer viewer' };
    return JSON.stringify(await jsonOf(await fetch(`${url}/health`, { headers })));
  };

  await keep('first');
  const waits: number[] = [];
  for (let tries = 0; tries < 12; tries += 1) {
    const refused: unknown = await keep('second').catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'NotKeptError', code: 'STORE_FULL' });
    waits.push((refused as { readonly retryAfterMs: number }).retryAfterMs);
    await clock.advance(waits.at(-1) ?? 0);
  }
  expect(waits.slice(-2)).toEqual([300_000, 300_000]);
  for (const [nth, waitMs] of waits.entries()) expect(waitMs).toBeGreaterThanOrEqual(waits[nth - 1] ?? 1_000);
  expect(await health()).toMatch(/"degraded".*dead_letters_full/);

  for (const { id } of (await deadLetters.list({}, { limit: 9 })).items) await deadLetters.discard(id, ACTOR);
  await keep('second');
  expect(await health()).not.toContain('dead_letters_full');
});
