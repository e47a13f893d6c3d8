import { Controller } from '@nestjs/common';
import { ClientRMQ, EventPattern, Payload } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { DeadLetterService } from 'switchyard';
import { ResourceNames } from '../../src/infrastructure/services/rabbitmq/topology/resource-names.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { bootBridge, closeBridges, hybridEventApp, pureEventApp } from '../support/bridge-app.js';
import { eventually } from '../support/demonstration.js';
import { describeEvents } from '../support/event-suite.js';
import { nestRmqEventApp } from '../support/nest-rmq-app.js';

let rabbitmq: RabbitmqCluster;
beforeAll(async () => (rabbitmq = await startRabbitmq()), 120_000);
afterAll(() => rabbitmq.stop());

describeEvents('under the RabbitMQ transport of Nest', () =>
  nestRmqEventApp(rabbitmq.urls[0] as string, 'orders-of-nest'),
);
describeEvents('on RabbitMQ', () =>
  hybridEventApp({ kind: 'rabbitmq', urls: [...rabbitmq.urls], namePrefix: 'hybrid.' }),
);
describeEvents('on RabbitMQ, in a pure microservice', () =>
  pureEventApp({ kind: 'rabbitmq', urls: [...rabbitmq.urls], namePrefix: 'pure.' }),
);

describe('a packet of ClientRMQ in a queue of ours', () => {
  const handled: unknown[] = [];
  @Controller()
  class Billing {
    @EventPattern('orders.foreign', { group: 'billing' })
    charge(@Payload() payload: unknown): void {
      handled.push(payload);
    }
  }
  afterEach(closeBridges);

  it('becomes a dead letter, and what comes after it is handled', async () => {
    const transport = { kind: 'rabbitmq', urls: [...rabbitmq.urls], namePrefix: 'foreign.' } as const;
    const { app, client } = await bootBridge({ controllers: [Billing] }, { transport });
    const queue = new ResourceNames('foreign.').queue({ topic: 'orders.foreign', group: 'billing' });
    const foreign = new ClientRMQ({ urls: [rabbitmq.urls[0] as string], queue, noAssert: true });
    await lastValueFrom(foreign.emit('orders.foreign', { id: 'foreign' }), { defaultValue: undefined });
    await lastValueFrom(client.emit('orders.foreign', { id: 'own' }));
    const deadLetter = await eventually(async () => {
      const { items } = await app.get(DeadLetterService).list({}, { limit: 1 });
      return items[0];
    });
    expect(deadLetter.error.message).toContain("a packet of a client of Nest's own transport");
    await eventually(() => handled[0]);
    expect(handled).toEqual([{ id: 'own' }]);
    await foreign.close();
  });
});
