import type { HostAndPort } from '../../addresses/host-and-port.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { shuffled } from '../../../../core/messaging/transport-kit/shuffle.js';
import { brokersOf, clientConfigOf } from './client-config.js';
import { ClientSockets } from '../kafkajs/client-sockets.js';
import { disconnectWithin } from '../kafkajs/disconnect.js';
import type { KafkaOptions } from '../kafka.options.js';
import type { Admin, Kafkajs } from '../client/kafkajs-client.js';

/** Brokers that are asked at the same time. */
const AT_A_TIME = 3;
const END_TIMEOUT_MS = 1_000;
/** Of the client itself, which otherwise hides the reason for seconds. The caller retries. */
const IMPATIENT = { retries: 1, initialRetryTime: 50, maxRetryTime: 100 };

export interface BootstrapClient {
  readonly kafka: InstanceType<Kafkajs['Kafka']>;
  readonly admin: Admin;
  readonly sockets: ClientSockets;
  /** The one that has answered, then the others. */
  readonly seeds: readonly HostAndPort[];
}

/**
 * A client of the broker that answers first. The client by itself stays with the first broker that accepts its connection, even
 * when that one never answers.
 */
export async function firstBootstrapBroker(
  name: string,
  options: KafkaOptions,
  kafkajs: Kafkajs,
): Promise<BootstrapClient> {
  const order = shuffled(brokersOf(options));
  let last: unknown;
  for (let from = 0; from < order.length; from += AT_A_TIME) {
    const asked = order.slice(from, from + AT_A_TIME).map((seed) => ask(seed, name, options, kafkajs));
    try {
      const found = await Promise.any(asked);
      for (const other of asked)
        other.then(
          ({ admin, sockets }) =>
            admin !== found.admin && void disconnectWithin(END_TIMEOUT_MS, [admin], sockets),
          () => undefined,
        );
      return found;
    } catch (error) {
      last = (error as AggregateError).errors[0];
    }
  }
  throw last;
}

async function ask(
  seed: HostAndPort,
  name: string,
  options: KafkaOptions,
  kafkajs: Kafkajs,
): Promise<BootstrapClient> {
  const seeds = [seed, ...shuffled(brokersOf(options).filter((other) => !isSame(other, seed)))];
  const sockets = new ClientSockets();
  const kafka = new kafkajs.Kafka(clientConfigOf(name, options, kafkajs, { seeds, sockets }));
  const way = clientConfigOf(name, options, kafkajs, { seeds: [seed], sockets });
  const alone = new kafkajs.Kafka({ ...way, retry: { ...way.retry, ...IMPATIENT } });
  const admin = alone.admin();
  // An open connection proves little: without a login it is closed at the first request.
  const connecting = admin.connect().then(() => admin.describeCluster());
  try {
    await withDeadline(connecting, options.connectTimeoutMs, () => timeoutError(options));
    return { kafka, admin, sockets, seeds };
  } catch (error) {
    void disconnectWithin(END_TIMEOUT_MS, [admin], sockets);
    throw error;
  }
}

function isSame(one: HostAndPort, other: HostAndPort): boolean {
  return one.host === other.host && one.port === other.port;
}

function timeoutError({ connectTimeoutMs }: KafkaOptions): MessagingError {
  return new MessagingError('DEADLINE_EXCEEDED', `no answer within ${connectTimeoutMs} ms`);
}
