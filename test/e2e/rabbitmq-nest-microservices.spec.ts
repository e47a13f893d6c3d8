import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { hybridEventApp, pureEventApp } from '../support/bridge-app.js';
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
