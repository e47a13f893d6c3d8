import type { HostAndPort } from '../../addresses/host-and-port.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import { BrokerClock } from './broker-clock.js';
import { CLIENT_RETRY, clientConfigOf } from './client-config.js';
import { ClientSockets } from '../kafkajs/client-sockets.js';
import { disconnectAlsoAfter, disconnectWithin } from '../kafkajs/disconnect.js';
import { Semaphore } from './semaphore.js';
import { defectError, failureOf, isFatal, reasonOf } from '../client/kafka-errors.js';
import type { KafkaOptions } from '../kafka.options.js';
import { prepareCompression } from '../kafkajs/compression.js';
import { type Admin, type Kafkajs, loadKafkajs, type Producer } from '../client/kafkajs-client.js';
import { patchKafkajs } from '../kafkajs/patches.js';
import { firstBootstrapBroker } from './bootstrap-broker.js';

const RECONNECT_BACKOFF = { minMs: 100, maxMs: 2_000 } as const;
/** Interval of the liveness probe, because the client does not report a lost broker. */
const WATCH_MS = 2_000;
const NUMBER_TIMEOUT_MS = 2_000;
const JOINS_BATCH_SIZE = 8;
const CLOSE_TIMEOUT_MS = 3_000;

export interface ConnectionListener {
  onUp(): void;
  onDown(error: MessagingError): void;
}

type Kafka = InstanceType<Kafkajs['Kafka']>;

interface Client {
  readonly kafkajs: Kafkajs;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly sockets: ClientSockets;
  /** Brokers to ask first: the first one has answered. */
  readonly seeds: readonly HostAndPort[];
  /** Rejects when the client is replaced; requests in flight then have an unknown outcome. */
  readonly ended: Promise<never>;
  readonly end: (error: Error) => void;
}

/**
 * The client of one cluster, replaced whenever it fails, because its state (leaders, sequence numbers, connections) is unreliable
 * after a failure.
 */
export class KafkaConnection {
  readonly label: string;
  /** Joining a group takes dozens of requests; all groups at once would make each other late. */
  readonly joining = new Semaphore(JOINS_BATCH_SIZE);
  readonly brokerClock: BrokerClock;
  #client: Client | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #isClosed = false;
  #cancelTimer = (): void => undefined;

  constructor(
    private readonly name: string,
    readonly options: KafkaOptions,
    readonly clock: Clock,
    private readonly listener: ConnectionListener,
  ) {
    this.brokerClock = new BrokerClock(clock);
    this.label = `Kafka "${name}" at ${options.brokers.join(', ')}`;
  }

  get isUp(): boolean {
    return this.#client !== undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves once it is usable; afterwards it reconnects for ever. Rejects when no broker can be reached, and can be called again. */
  async connect(): Promise<void> {
    if (this.#isClosed) throw this.#closedError();
    if (this.#client) return;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    await this.#connecting;
  }

  /** @throws MessagingError when it is down. */
  assertUp(): void {
    if (!this.isUp) throw this.#downError();
  }

  /** @throws MessagingError when it is down. */
  get client(): Client {
    if (!this.#client) throw this.#downError();
    return this.#client;
  }

  /** Asks the cluster, within the time for a request. */
  async ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const { admin, producer } = this.client;
    try {
      return await withDeadline(question(admin), this.options.requestTimeoutMs, () => {
        const error = this.silentError();
        this.failed(producer, error);
        return error;
      });
    } catch (error) {
      throw failureOf(error, this.label, false).error;
    }
  }

  /** As {@link ask}, for a question whose answer can be missed: a broker that is late is not held against the client. */
  async askOptional<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const asked = question(this.client.admin);
    return withDeadline(asked, this.options.requestTimeoutMs, () => this.silentError());
  }

  /** How old the client's own metadata may be. */
  get clientMetadataMaxAgeMs(): number {
    return this.options.metadataMaxAgeMs / 2;
  }

  /** A client of its own for a member of a group; not connected yet. */
  async consumerClient(): Promise<{
    readonly kafkajs: Kafkajs;
    readonly kafka: Kafka;
    readonly sockets: ClientSockets;
  }> {
    await this.connect();
    const { kafkajs, seeds } = this.client;
    const sockets = new ClientSockets();
    const config = clientConfigOf(this.name, this.options, kafkajs, { seeds, sockets });
    return { kafkajs, kafka: new kafkajs.Kafka(config), sockets };
  }

  /** Replaces the client after a failure of a request that should have succeeded. */
  failed(producer: Producer, cause: unknown): void {
    const client = this.#client;
    if (client?.producer !== producer) return;
    this.#lost(client, cause);
  }

  silentError(): MessagingError {
    return new MessagingError(
      'DEADLINE_EXCEEDED',
      `${this.label} did not answer within ${this.options.requestTimeoutMs} ms.`,
    );
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer();
    const client = this.#client;
    this.#client = undefined;
    if (client) await letGo(client);
  }

  async #connect(): Promise<void> {
    const kafkajs = await loadKafkajs();
    await patchKafkajs();
    await prepareCompression(kafkajs, this.options.compression);
    const { kafka, admin, sockets, seeds } = await firstBootstrapBroker(
      this.name,
      this.options,
      kafkajs,
    ).catch((error: unknown) => {
      throw this.#unreachable(error);
    });
    let producer: Producer;
    try {
      producer = await this.#producerOf(kafka, kafkajs);
    } catch (error) {
      void disconnectWithin(CLOSE_TIMEOUT_MS, [admin], sockets);
      throw this.#unreachable(error);
    }
    producer.on(producer.events.REQUEST_TIMEOUT, () => this.failed(producer, this.silentError()));
    const client = { kafkajs, admin, producer, sockets, seeds, ...endable() };
    if (this.#isClosed) {
      void letGo(client);
      throw this.#closedError();
    }
    this.#client = client;
    this.#failures = 0;
    this.#watch(client);
    this.listener.onUp();
  }

  /** The producer id, by which the broker drops repeated batches, comes from the controller, which may be away or refuse it. */
  async #producerOf(kafka: Kafka, { Partitioners }: Kafkajs): Promise<Producer> {
    let last: unknown;
    for (const [idempotent, patienceMs] of [
      [true, Math.min(NUMBER_TIMEOUT_MS, this.options.connectTimeoutMs)],
      [false, this.options.connectTimeoutMs],
    ] as const) {
      const producer = kafka.producer({
        idempotent,
        allowAutoTopicCreation: false,
        metadataMaxAge: this.clientMetadataMaxAgeMs,
        createPartitioner: Partitioners.DefaultPartitioner,
        retry: CLIENT_RETRY,
      });
      const connecting = producer.connect();
      try {
        await withDeadline(connecting, patienceMs, () => this.silentError());
        return producer;
      } catch (error) {
        void disconnectAlsoAfter(producer, connecting);
        last = error;
      }
    }
    throw last;
  }

  #unreachable(cause: unknown): MessagingError {
    const defect = defectError(cause, this.label);
    if (defect) return defect;
    const code = isFatal(cause) ? 'FORBIDDEN' : 'TRANSPORT_UNAVAILABLE';
    return new MessagingError(code, `${this.label} cannot be reached${reasonOf(cause)}.`);
  }

  #watch(client: Client): void {
    this.#cancelTimer = this.clock.schedule(WATCH_MS, () => {
      const asked = client.admin.fetchTopicMetadata({ topics: [`${this.options.namePrefix}.ping`] });
      withDeadline(asked, this.options.requestTimeoutMs, () => this.silentError())
        .catch((error: unknown) => {
          if (!isAnswer(error)) this.#lost(client, error);
        })
        .finally(() => {
          if (this.#client === client) this.#watch(client);
        });
    });
  }

  #lost(client: Client, cause: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#cancelTimer();
    void letGo(client);
    const error =
      defectError(cause, this.label) ??
      new MessagingError('TRANSPORT_UNAVAILABLE', `${this.label} failed${reasonOf(cause)}.`);
    client.end(error);
    if (this.#isClosed) return;
    this.listener.onDown(error);
    this.#reconnect(backoffMs(0, RECONNECT_BACKOFF));
  }

  #reconnect(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer = this.clock.schedule(delayMs, () => {
      this.connect().catch(() => {
        const againMs = backoffMs(this.#failures, RECONNECT_BACKOFF);
        this.#failures += 1;
        this.#reconnect(againMs);
      });
    });
  }

  #downError(): MessagingError {
    if (this.#isClosed) return this.#closedError();
    const text = `${this.label} is not connected. It reconnects automatically.`;
    return new MessagingError('TRANSPORT_UNAVAILABLE', text);
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `${this.label} is closed.`);
  }
}

function endable(): Pick<Client, 'ended' | 'end'> {
  let end: (error: Error) => void = () => undefined;
  const ended = new Promise<never>((_, reject) => (end = reject));
  ended.catch(() => undefined); // it may have no listener
  return { ended, end };
}

/** A broker that refuses is reachable. */
function isAnswer(error: unknown): boolean {
  return /UNKNOWN_TOPIC|LEADER_NOT_AVAILABLE|AUTHORIZATION/.test(
    String((error as { readonly type?: unknown }).type),
  );
}

function letGo({ admin, producer, sockets }: Client): Promise<void> {
  return disconnectWithin(CLOSE_TIMEOUT_MS, [admin, producer], sockets);
}
