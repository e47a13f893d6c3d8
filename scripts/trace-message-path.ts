/**
 * Prints which files of a broker's folder a message passes, for docs/changing/message-path.md. Starts a server
 * where the broker needs one.
 *
 *   node --import @swc-node/register/esm-register scripts/trace-message-path.ts redis kafka
 *
 * It counts the calls of functions while one message makes a trip, and leaves out functions that run while idle.
 * Constants are not seen: add the server-side scripts by hand.
 */
import { Session } from 'node:inspector/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type {
  OnDelivery,
  PublishOptions,
  Settlement,
  Transport,
  WireMessage,
} from '../src/core/messaging/ports/transport.js';
import * as embedded from '../test/conformance/embedded.factory.js';
import * as kafka from '../test/conformance/kafka.factory.js';
import * as memory from '../test/conformance/memory.factory.js';
import * as rabbitmq from '../test/conformance/rabbitmq.factory.js';
import * as redis from '../test/conformance/redis.factory.js';
import { startKafka } from '../test/support/brokers/kafka-cluster.js';
import { startRabbitmq } from '../test/support/brokers/rabbitmq-cluster.js';
import { startRedis } from '../test/support/brokers/redis-server.js';

/** Long enough for every timer of a consumer to fire once. */
const IDLE_MS = 6_000;
/** Long enough for the effects of a publish or a settlement. */
const AFTERMATH_MS = 500;
/** Longer than the trace, so that a delayed message does not return during it. */
const DELAY_MS = 60_000;

interface Broker {
  readonly transport: Transport;
  readonly stop?: () => Promise<unknown>;
}

const BROKERS: Record<string, () => Promise<Broker>> = {
  memory: async () => ({ transport: await memory.createTransport({ onEvent: () => undefined }) }),
  embedded: async () => ({ transport: await embedded.createTransport(embedded.newDirectory()) }),
  redis: async () => {
    const server = await startRedis();
    return {
      transport: await redis.createTransport(JSON.stringify({ url: server.url })),
      stop: () => server.stop(),
    };
  },
  rabbitmq: async () => {
    const server = await startRabbitmq();
    const options = JSON.stringify({ urls: server.urls });
    return { transport: await rabbitmq.createTransport(options), stop: () => server.stop() };
  },
  kafka: async () => {
    const server = await startKafka();
    const options = JSON.stringify({ brokers: server.brokers, partitions: 1 });
    return { transport: await kafka.createTransport(options), stop: () => server.stop() };
  },
};

/** Functions that were called, by file. */
type Calls = ReadonlyMap<string, readonly string[]>;

/** Counts calls of functions of one broker's folder. */
class CallCounter {
  readonly #session = new Session();

  constructor(private readonly folder: string) {}

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  }

  /** The calls since the last time. */
  async take(): Promise<Calls> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const calls = new Map<string, string[]>();
    for (const { url, functions } of result) {
      const [, file] = url.split(`/src/infrastructure/services/${this.folder}/`);
      const called = functions.filter(({ functionName, ranges }) => functionName !== '' && ranges[0]?.count);
      if (file !== undefined && called.length > 0)
        calls.set(
          file,
          called.map(({ functionName }) => functionName),
        );
    }
    return calls;
  }

  stop(): void {
    this.#session.disconnect();
  }
}

/** One handler, whose settlement the trace decides. */
class HeldDelivery {
  settle: (settlement: Settlement) => void = () => undefined;
  #arrived: () => void = () => undefined;

  readonly onDelivery: OnDelivery = () =>
    new Promise((resolve) => {
      this.settle = resolve;
      this.#arrived();
    });

  next(): Promise<void> {
    return new Promise((resolve) => (this.#arrived = resolve));
  }
}

for (const name of process.argv.slice(2)) {
  const start = BROKERS[name];
  if (!start) throw new Error(`There is no broker "${name}"; there are ${Object.keys(BROKERS).join(', ')}.`);
  const { transport, stop } = await start();
  await trace(name, transport);
  await transport.close();
  await stop?.();
}
// A client with an open timer must not keep the process alive.
process.exit();

async function trace(broker: string, transport: Transport): Promise<void> {
  const counter = new CallCounter(broker);
  const held = new HeldDelivery();
  await counter.start();
  for (const delayMs of [0, 0, DELAY_MS]) await publish(transport, 'alone', { delayMs });
  await wait(AFTERMATH_MS);
  await counter.take();
  await publish(transport, 'alone');
  report(broker, 'publish', await counter.take());

  const subscription = { topic: 'consumed', group: 'billing', concurrency: 4, ordering: 'none' } as const;
  const consumer = await transport.consume(subscription, held.onDelivery);
  const retry: Settlement = { kind: 'retry', delayMs: DELAY_MS };
  // The first message of each kind declares topology and connects; later messages do not.
  for (const settlement of [{ kind: 'ack' } as const, retry]) {
    await deliver(transport, held);
    held.settle(settlement);
    await wait(AFTERMATH_MS);
  }
  await wait(IDLE_MS);
  await counter.take();
  await wait(IDLE_MS);
  const idle = await counter.take();
  await publish(transport, 'alone');
  const publishing = await counter.take();
  await deliver(transport, held);
  report(broker, 'deliver', await counter.take(), publishing);
  held.settle({ kind: 'ack' });
  await wait(AFTERMATH_MS);
  report(broker, 'acknowledge', await counter.take(), idle);
  await deliver(transport, held);
  await wait(AFTERMATH_MS);
  await counter.take();
  held.settle(retry);
  await wait(AFTERMATH_MS);
  report(broker, 'retry', await counter.take(), idle);
  counter.stop();
  await consumer.stop();
}

async function deliver(transport: Transport, held: HeldDelivery): Promise<void> {
  const arrived = held.next();
  await publish(transport, 'consumed');
  await arrived;
}

async function publish(
  transport: Transport,
  topic: string,
  options: Partial<PublishOptions> = {},
): Promise<void> {
  const message: WireMessage = { id: crypto.randomUUID(), key: 'k', headers: {}, body: Buffer.from('{}') };
  const [outcome] = await transport.publish({ topic }, [message], { deadlineMs: 10_000, ...options });
  if (outcome?.kind !== 'accepted') throw new Error(`The message was not accepted but ${outcome?.kind}.`);
}

/** Prints the files, without the functions that `others` has as well. */
function report(broker: string, trip: string, calls: Calls, others?: Calls): void {
  const lines = [...calls].flatMap(([file, functions]) => {
    const own = functions.filter((called) => !others?.get(file)?.includes(called));
    return own.length === 0 ? [] : [`  ${file.padEnd(28)} ${own.join(' ')}`];
  });
  process.stdout.write(`${broker}: ${trip}, ${lines.length} files\n${lines.join('\n')}\n`);
}
