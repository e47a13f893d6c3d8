import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  type MessageContext,
  MessageHandler,
  systemClock,
} from '../../src/core/messaging/index.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { eventually } from '../support/demonstration.js';
import { documentedFetch } from '../support/documented-answers.js';
import { describeLookup } from '../support/lookup-suite.js';
import { bootOperations, closeOperations, jsonOf, type OperationsApp } from '../support/operations-app.js';

let redis: RedisServer;
beforeAll(async () => (redis = await startRedis()), 60_000);
afterAll(() => redis.stop());

describeLookup('Redis', async () => {
  const options = redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${randomUUID()}:` });
  return {
    transports: [new RedisTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined })],
    deadLetters: new RedisDeadLetterStore(options),
  };
});

it('a process knows from the idempotency store what another has handled', async () => {
  const Placed = defineMessage('orders.placed', z.object({}));
  const handled: string[] = [];
  @Injectable()
  class Billing {
    @MessageHandler(Placed, { group: 'billing', idempotencyWindowMs: 60_000 })
    bill(_: unknown, { messageId }: MessageContext): void {
      handled.push(messageId);
    }
  }
  const options = redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${randomUUID()}:` });
  const boot = (): Promise<OperationsApp> =>
    bootOperations(
      { providers: [Billing] },
      {
        transports: [
          new RedisTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined }),
        ],
        idempotency: new RedisIdempotencyStore(options),
      },
    );
  const shops = [await boot(), await boot()];
  const { messageId } = await shops[0]!.messaging.publish(Placed, {});
  await eventually(() => handled.includes(messageId) || undefined);
  const details: string[] = [];
  for (const { url } of shops) {
    const found = await eventually(async () => {
      const response = await documentedFetch(
        `${url}/messaging/api/v1/messages/${messageId}?topic=orders.placed`,
        { headers: { authorization: 'Bearer viewer' } },
      );
      const answer = (await jsonOf(response)) as { state: string; detail: string };
      return answer.state === 'handled' ? answer : undefined;
    });
    details.push(found.detail);
  }
  expect(details.sort()).toEqual([
    'A process has handled it for "billing": the idempotency store remembers it.',
    expect.stringMatching(/^Billing\.bill handled it at /) as string,
  ]);
  await closeOperations();
}, 60_000);
