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
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { measureLarge, measureSlowHandler } from './heavy.js';
import { measureIdleTopics, measureSubscriptions } from './many.js';

type Measure = (name: string, transport: Transport, options: BenchOptions) => Promise<Figure[]>;

interface Target {
  readonly run: (measure: (transport: Transport) => Promise<Figure[]>) => Promise<Figure[]>;
  readonly stop: () => Promise<void>;
}

const MEASURES: readonly Measure[] = [
  measureIdleTopics,
  measureSubscriptions,
  measureLarge,
  measureSlowHandler,
];

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
  },
  redis: {
    run: async (measure) => closing(await newRedis(), measure),
    stop: stopRedis,
  },
  rabbitmq: {
    run: async (measure) => closing(await newRabbitmq(rabbitmqPlace('quorum')), measure),
    stop: stopRabbitmq,
  },
  kafka: {
    run: async (measure) => closing(await newKafka(kafkaPlace(), 1), measure),
    stop: stopKafka,
  },
};

/** Much of everything: topics, subscriptions, bytes, time in a handler. A backlog of a million is in the bench of each broker. */
export const load: Bench = {
  run: async (options) => {
    const figures: Figure[] = [];
    for (const [name, { run, stop }] of Object.entries(TARGETS))
      for (const measure of MEASURES)
        // A server each: one that has ten thousand queues is slow at everything else.
        try {
          figures.push(...(await run((transport) => measure(name, transport, options))));
        } finally {
          await stop();
        }
    return figures;
  },
};
