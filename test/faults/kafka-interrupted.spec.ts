import { randomUUID } from 'node:crypto';
import { type INestApplication, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type AclOperationTypes,
  type AclResourceTypes,
  type Admin,
  type Consumer,
  Kafka,
  logLevel,
  PartitionAssigners,
} from 'kafkajs';
import { z } from 'zod';
import { HealthModule } from '../../src/exports/health.js';
import { MetricsModule } from '../../src/exports/metrics.js';
import {
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  MessagingModule,
  MessagingService,
  type MessagingView,
  systemClock,
  type TransportEvent,
} from '../../src/index.js';
import { MemoryDeadLetterStore } from '../../src/exports/memory.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import {
  CREATE,
  forbid,
  GROUP,
  permit,
  permitLeast,
  READ,
  TOPIC,
  withAcls,
} from '../support/brokers/kafka-acls.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { freePorts } from '../support/brokers/server-process.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { read } from '../support/scraped.js';

/** Until a loss is reported, and until its end is. */
const PROMISED_MS = 15_000;
const LOGIN = { mechanism: 'plain', username: 'shop', password: 'pw' };
const Ticked = defineMessage('ticked', z.object({ n: z.number() }));
let server: KafkaCluster;
let proxy: FaultProxy;
let kafka: Kafka;
let admin: Admin;
const open: INestApplication[] = [];

beforeAll(async () => {
  const [advertisedPort] = await freePorts(1);
  const { listeners, config } = withAcls(LOGIN.password);
  const line = { name: 'LINE', protocol: 'PLAINTEXT', advertisedPort: advertisedPort! } as const;
  server = await startKafka({ listeners: [...listeners, line], config });
  proxy = await startFaultProxy({ port: advertisedPort!, targetPort: server.nodes[0]!.portOf('LINE') });
  kafka = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  await admin.connect();
}, 120_000);
afterEach(async () => {
  proxy.heal();
  server.nodes[0]?.resume();
  for (const app of open.splice(0)) await app.close();
}, 30_000);
afterAll(async () => {
  await admin.disconnect();
  await proxy.stop();
  await server.stop();
});

interface Running {
  readonly prefix: string;
  /** Kafka's names. */
  readonly topic: string;
  readonly group: string;
  readonly handled: () => number;
  readonly publish: () => Promise<unknown>;
  readonly look: () => Promise<Seen>;
  /** Codes of the problems that were reported, and `solved <code>` of those that ended. */
  readonly told: () => string[];
}

interface Seen {
  readonly status: string;
  readonly state: string;
  readonly consumers: number;
  readonly details: string;
}

/** An application with one handler, its health and its metrics. */
async function application(
  options: object,
  prefix = `${randomUUID().slice(0, 8)}.`,
  connect: 'background' | 'required' = 'required',
): Promise<Running> {
  const events: TransportEvent[] = [];
  const transport = new KafkaTransport(
    kafkaOptionsSchema.parse({ namePrefix: prefix, partitions: 2, sessionTimeoutMs: 6_000, ...options }),
    { name: 'kafka', clock: systemClock, onEvent: (event) => events.push(event) },
  );
  let handled = 0;
  @Injectable()
  class Handlers {
    @MessageHandler(Ticked, { group: 'g' })
    on(): void {
      handled += 1;
    }
  }
  @Module({
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        deadLetters: new MemoryDeadLetterStore(),
        transports: [transport],
        ...(connect === 'background' ? { connect } : {}),
      }),
      HealthModule.forRoot(),
      MetricsModule.forRoot(),
    ],
    providers: [Handlers],
  })
  class App {}
  const app = await NestFactory.create(App, { logger: false });
  open.push(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const look = async (): Promise<Seen> => {
    const health = await (await fetch(`${url}/health`)).text();
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return {
      status: (JSON.parse(health) as { status: string }).status,
      state: app
        .get<MessagingView>(MESSAGING_VIEW)
        .subscriptions()
        .map(({ state }) => state)
        .join(),
      consumers: read(metrics, 'messaging_consumers', { topic: 'ticked', group: 'g' }),
      details: app
        .get<MessagingView>(MESSAGING_VIEW)
        .problems()
        .map(({ detail }) => detail)
        .join('\n'),
    };
  };
  let n = 0;
  return {
    prefix,
    topic: `${prefix}ticked`,
    group: `${prefix}ticked..g`,
    handled: () => handled,
    publish: () => app.get(MessagingService).publish(Ticked, { n: n++ }),
    look,
    told: () =>
      events.flatMap((event) => {
        if (event.type === 'problem') return [event.problem.code];
        return event.type === 'problem-solved' ? [`solved ${event.problem.code}`] : [];
      }),
  };
}

/** What is seen once it is so. */
async function seen(what: string, { look }: Running, isSo: (seen: Seen) => boolean): Promise<Seen> {
  let last: Seen | undefined;
  try {
    await waitUntil(what, async () => isSo((last = await look())), PROMISED_MS);
  } catch (error) {
    throw new Error(`${String(error)} It is ${JSON.stringify(last)}.`, { cause: error });
  }
  return last as Seen;
}

const isWell = ({ status, state, consumers }: Seen): boolean =>
  status === 'ok' && state === 'running' && consumers === 1;

interface Loss {
  readonly options: () => Promise<{ readonly prefix: string; readonly options: object }>;
  readonly happen: (app: Running) => Promise<unknown>;
  readonly mend: (app: Running) => Promise<unknown>;
  readonly reason: RegExp;
}

const newPrefix = (): string => `${randomUUID().slice(0, 8)}.`;

const withLogin = async (): ReturnType<Loss['options']> => {
  const prefix = newPrefix();
  await permitLeast(admin, prefix);
  return { prefix, options: { brokers: server.brokersOn('LOGIN'), sasl: LOGIN } };
};
const onLine = async (): ReturnType<Loss['options']> => ({
  prefix: newPrefix(),
  options: { brokers: [`127.0.0.1:${proxy.port}`] },
});

/** A member that takes a message, neither settles it nor joins again, and one that comes after it: the group waits for the first. */
class StuckMembers {
  #release = (): void => undefined;
  readonly #held = new Promise<void>((resolve) => (this.#release = resolve));
  readonly #topics: readonly string[];
  readonly #members: readonly Consumer[];

  constructor({ topic, group }: Pick<Running, 'topic' | 'group'>) {
    this.#topics = [topic, group];
    this.#members = [0, 1].map(() =>
      kafka.consumer({
        groupId: group,
        sessionTimeout: 25_000,
        rebalanceTimeout: 120_000,
        partitionAssigners: [PartitionAssigners.roundRobin],
      }),
    );
  }

  async join(publish: () => Promise<unknown>): Promise<void> {
    let hasTaken = false;
    for (const member of this.#members) {
      await member.connect();
      await member.subscribe({ topics: [...this.#topics], fromBeginning: true });
      await member.run({
        eachMessage: async () => {
          hasTaken = true;
          await this.#held;
        },
      });
      await waitUntil('the first one has a message', async () => {
        if (!hasTaken) await publish();
        return hasTaken;
      });
    }
  }

  async leave(): Promise<void> {
    this.#release();
    await Promise.all(this.#members.map((member) => member.disconnect()));
  }
}
let stuck: StuckMembers;

it.each<[string, Loss]>([
  [
    'the permission to read its group',
    {
      options: withLogin,
      happen: ({ prefix }) => forbid(admin, GROUP, prefix, READ),
      mend: ({ prefix }) => permit(admin, GROUP, prefix, [READ]),
      reason: /GROUP_AUTHORIZATION_FAILED/,
    },
  ],
  [
    'the permission to read its topic',
    {
      options: withLogin,
      happen: ({ prefix }) => forbid(admin, TOPIC, prefix, READ),
      mend: ({ prefix }) => permit(admin, TOPIC, prefix, [READ]),
      reason: /TOPIC_AUTHORIZATION_FAILED/,
    },
  ],
  [
    'its topic',
    {
      options: onLine,
      happen: ({ topic }) => admin.deleteTopics({ topics: [topic] }),
      mend: ({ topic }) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }),
      reason: /UNKNOWN_TOPIC_OR_PARTITION/,
    },
  ],
  [
    'its assignment, in a group that rebalances without end',
    {
      options: onLine,
      happen: (app) => (stuck = new StuckMembers(app)).join(app.publish),
      mend: () => stuck.leave(),
      reason: /does not let it into the group ".+ticked\.\.g", which rebalances/,
    },
  ],
  [
    'its line, on which nothing arrives any more',
    {
      options: onLine,
      happen: async () => proxy.inject({ mode: 'blackhole' }),
      mend: async () => proxy.heal(),
      reason: /did not answer within/,
    },
  ],
  [
    'its broker, which is paused',
    {
      options: onLine,
      happen: async () => server.nodes[0]!.pause(),
      mend: async () => server.nodes[0]!.resume(),
      reason: /did not answer within/,
    },
  ],
])(
  'a consumer is interrupted that has lost %s, and is well again within 15 s',
  async (_, { options: prepare, happen, mend, reason }) => {
    const { prefix, options } = await prepare();
    const app = await application(options, prefix);
    await app.publish();
    await waitUntil('the first is handled', async () => app.handled() === 1);
    await seen('it is well', app, isWell);
    await happen(app);
    const lost = await seen(
      'it is interrupted',
      app,
      // On a loaded machine the first failure may be a silent broker, and the reason that lasts comes after it.
      ({ state, status, consumers, details }) =>
        state === 'interrupted' && status !== 'ok' && consumers === 0 && reason.test(details),
    );
    expect(lost.details).toContain(
      'The consumer of "ticked" for the group "g" gets no messages, and tries again: ',
    );
    await mend(app);
    await seen('it is well again', app, isWell);
    const before = app.handled();
    await app.publish();
    await waitUntil('the next is handled', async () => app.handled() > before);
    // Once for each reason that is found on the way.
    expect([...new Set(app.told().filter((code) => code.includes('consumer_interrupted')))]).toEqual([
      'consumer_interrupted',
      'solved consumer_interrupted',
    ]);
  },
  120_000,
);

it.each<[string, AclResourceTypes, AclOperationTypes]>([
  ['to create topics', TOPIC, CREATE],
  ['to read its group', GROUP, READ],
])(
  'a consumer that lacks the permission %s at the start begins once it is permitted',
  async (_, type, operation) => {
    const { prefix, options } = await withLogin();
    await forbid(admin, type, prefix, operation);
    const app = await application(options, prefix, 'background');
    const { details } = await seen('it is reported', app, ({ details: text }) =>
      text.includes('cannot start'),
    );
    expect(details).toMatch(
      /The consumer of "ticked" for the group "g" cannot start: .*AUTHORIZATION_FAILED/,
    );
    await permit(admin, type, prefix, [operation]);
    await seen('it is well', app, isWell);
    await app.publish();
    await waitUntil('it is handled', async () => app.handled() === 1);
  },
  120_000,
);
