import { inDirectory, transportIn } from '../embedded/place.js';
import type { Bench, BenchOptions, Figure } from '../harness.js';
import {
  newPlace as kafkaPlace,
  newTransport as newKafka,
  stopServer as stopKafka,
} from '../kafka/servers.js';
import {
  newPlace as rabbitmqPlace,
  newTransport as newRabbitmq,
  stopServer as stopRabbitmq,
} from '../rabbitmq/servers.js';
import { newTransport as newRedis, stopServer as stopRedis } from '../redis/servers.js';
import type { Transport } from '../../src/core/messaging/transport.js';
import { measureLarge, measureSlowHandler } from './heavy.js';
import { measureIdleTopics, measureSubscriptions } from './many.js';

type Measure = (name: string, transport: Transport, options: BenchOptions) => Promise<Figure[]>;

interface Target {
  readonly run: (measure: (transport: Transport) => Promise<Figure[]>) => Promise<Figure[]>;
  readonly stop: () => Promise<void>;
  readonly measures: readonly Measure[];
}

const EVERYTHING: readonly Measure[] = [
  measureIdleTopics,
  measureSubscriptions,
  measureLarge,
  measureSlowHandler,
];
/** A topic that nobody consumes is a quorum queue in RabbitMQ and partitions in Kafka: ten thousand of those are a load on the broker, not on us. */
const FEW_TOPICS = EVERYTHING.filter((measure) => measure !== measureIdleTopics);

async function closing(
  transport: Transport,
  measure: (transport: Transport) => Promise<Figure[]>,
): Promise<Figure[]> {
  try {
    await transport.connect();
    return await measure(transport);
  } finally {
    await transport.close();
  }
}

const TARGETS: Readonly<Record<string, Target>> = {
  embedded: {
    run: (measure) => inDirectory((directory) => closing(transportIn(directory), measure)),
    stop: () => Promise.resolve(),
    measures: EVERYTHING,
  },
  redis: {
    run: async (measure) => closing(await newRedis(), measure),
    stop: stopRedis,
    measures: EVERYTHING,
  },
  rabbitmq: {
    run: async (measure) => closing(await newRabbitmq(rabbitmqPlace('quorum')), measure),
    stop: stopRabbitmq,
    measures: FEW_TOPICS,
  },
  kafka: {
    run: async (measure) => closing(await newKafka(kafkaPlace()), measure),
    stop: stopKafka,
    measures: FEW_TOPICS,
  },
};

/** Much of everything: topics, subscriptions, bytes, time in a handler. A backlog of a million is in the bench of each broker. */
export const load: Bench = {
  run: async (options) => {
    const figures: Figure[] = [];
    for (const [name, { run, stop, measures }] of Object.entries(TARGETS))
      try {
        for (const measure of measures)
          figures.push(...(await run((transport) => measure(name, transport, options))));
      } finally {
        await stop();
      }
    return figures;
  },
};
