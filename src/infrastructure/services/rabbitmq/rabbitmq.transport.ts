import { MessagingError } from '../../../core/messaging/ports/errors.js';
import { AgeEstimates } from '../../../core/messaging/transport-kit/age-estimate.js';
import {
  CheckedTransport,
  type TransportDriver,
} from '../../../core/messaging/transport-kit/checked-transport.js';
import { ConnectionState } from '../../../core/messaging/transport-kit/connection-state.js';
import { NewerFormats } from '../../../core/messaging/transport-kit/newer-formats.js';
import { handedOverFormats, NewerMessages } from './watch/newer-messages.js';
import { ProblemList } from '../../../core/messaging/transport-kit/problem-list.js';
import {
  type Inbox,
  InboxPlaces,
  type OnReply,
  type Replies,
  type ReplyOptions,
} from '../../../core/messaging/ports/replies.js';
import { noSuchInbox } from '../../../core/messaging/transport-kit/local-inboxes.js';
import { ConsumerSet } from '../../../core/messaging/transport-kit/consumer-set.js';
import type {
  Backlog,
  Destination,
  Durability,
  GroupKeeper,
  GroupState,
  KeptMessages,
  MessageKeeper,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Subscription,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { DELAY_LEVELS } from './topology/delay-levels.js';
import type { TransportServices } from './watch/transport-services.js';
import { QueueDepths } from './topology/queue-depths.js';
import { DelayRouter } from './delay/delay-router.js';
import { GroupChanges } from './topology/group-changes.js';
import { GroupChangeListener } from './watch/group-change-listener.js';
import { GroupRegistry, type KnownGroup, type RegistryMemory } from './topology/group-registry.js';
import { ResourceNames } from './topology/resource-names.js';
import { OverdueSweeper } from './delay/overdue-sweeper.js';
import { DelayQueueProbe } from './delay/delay-queue-probe.js';
import { RabbitmqConnection } from './connection/rabbitmq-connection.js';
import { RabbitmqInbox } from './consume/rabbitmq-inbox.js';
import { ReturnedUnseen } from './watch/returned-unseen.js';
import { RabbitmqConsumer } from './consume/rabbitmq-consumer.js';
import { failureOf } from './client/rabbitmq-errors.js';
import type { RabbitmqOptions } from './rabbitmq.options.js';
import { RabbitmqPublisher } from './publish/rabbitmq-publisher.js';
import { serverUrlsOf } from './connection/server-urls.js';
import { Topology } from './topology/topology.js';
import { VerifiedTopology } from './topology/verified-topology.js';
import { KeptMessagesWatch } from './watch/kept-messages.js';
import { WaitQueues } from './topology/wait-queues.js';

const PING_TIMEOUT_MS = 5_000;
const UNBOUNDED_HEADERS =
  'The installed amqplib has internals that this package does not know, so the headers of received messages are not bounded: a message with headers nested thousands deep ends the connection of every process that receives it. Install amqplib@2.';

/** Carries messages on RabbitMQ: one node or a cluster. */
export class RabbitmqTransport
  extends CheckedTransport<RabbitmqConsumer, RabbitmqDriver>
  implements GroupKeeper, Replies
{
  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(options: RabbitmqOptions, context: TransportContext) {
    const state = new ConnectionState(context);
    super(new RabbitmqDriver(options, context, state), state, context);
  }

  groups(topic: string): Promise<readonly GroupState[]> {
    return this.ask(() => this.driver.groups(topic));
  }

  removeGroup(topic: string, group: string): Promise<boolean> {
    return this.ask(() => this.driver.removeGroup(topic, group));
  }

  openInbox(onReply: OnReply): Promise<Inbox> {
    return this.ask(() => this.driver.openInbox(onReply));
  }

  reply(address: string, reply: WireMessage, { deadlineMs }: ReplyOptions): Promise<PublishOutcome> {
    return this.checkedReply(reply, () => this.driver.reply(address, reply, deadlineMs));
  }

  isSubscribed(topic: string): Promise<boolean> {
    return this.ask(() => this.driver.isSubscribed(topic));
  }

  kept(): Promise<readonly KeptMessages[]> {
    return this.ask(() => this.driver.kept());
  }

  release(place: string, to?: Required<Destination>): Promise<number> {
    return this.ask(() => this.driver.release(place, to));
  }
}

/**
 * Uses two connections, because a broker that is short of memory or disk stops reading from connections that publish, and
 * settlements must still reach it.
 */
class RabbitmqDriver implements TransportDriver<RabbitmqConsumer>, GroupKeeper, MessageKeeper {
  readonly system = 'rabbitmq';
  readonly durability: Durability;
  readonly maxMessageBytes: number;
  readonly consumers = new ConsumerSet<RabbitmqConsumer>();
  readonly problems: ProblemList;
  readonly #publishing: RabbitmqConnection;
  readonly #consuming: RabbitmqConnection;
  readonly #publisher: RabbitmqPublisher;
  readonly #services: TransportServices;
  readonly #kept: KeptMessagesWatch;
  readonly #groupChanges: GroupChangeListener;
  readonly #delayRouter: DelayRouter;
  readonly #overdueSweeper: OverdueSweeper;
  readonly #delayQueueProbe: DelayQueueProbe;
  readonly #ages = new AgeEstimates();
  readonly #inboxes = new Set<RabbitmqInbox>();
  readonly #places: InboxPlaces;

  constructor(
    options: RabbitmqOptions,
    private readonly context: TransportContext,
    private readonly state: ConnectionState,
  ) {
    this.durability = options.queueType === 'quorum' ? 'replicated' : 'acknowledged';
    this.maxMessageBytes = options.maxMessageBytes;
    const { name, clock } = context;
    this.#places = new InboxPlaces(this.#identity);
    const problems = new ProblemList(context.onEvent);
    this.problems = problems;
    const heldPlaces = new Map<string, Destination>();
    const names = new ResourceNames(options.namePrefix);
    const urls = serverUrlsOf(name, options);
    const publishing = new RabbitmqConnection(name, urls, { options, clock });
    const connection = new RabbitmqConnection(name, urls, { options, clock });
    const queueDepths = new QueueDepths(connection, options.operationTimeoutMs, clock);
    const memory: RegistryMemory = new Map();
    const TopologyType = options.topology === 'verify' ? VerifiedTopology : Topology;
    const changes = new GroupChanges(names);
    const formats = new NewerFormats({ label: connection.label, problems, clock });
    const registryOn = (on: RabbitmqConnection): GroupRegistry =>
      new GroupRegistry(on, names, memory, { changes, formats });
    const topologyOn = (on: RabbitmqConnection): Topology =>
      new TopologyType(on, names, options, { queueDepths, registry: registryOn(on), problems });
    const topology = topologyOn(connection);
    const declaring = topologyOn(publishing);
    const known = registryOn(connection);
    const newer = new NewerMessages(connection, topology, clock);
    const registry = {
      settled: (place: string) => newer.settled(place),
      learn: (topic: string, changed: KnownGroup) => known.learn(topic, changed),
      readAll: async () => {
        for (const topic of memory.keys()) await topology.knownGroups(topic);
      },
    };
    this.#groupChanges = new GroupChangeListener(connection, names, registry, context);
    const waitQueues = new WaitQueues(names, clock);
    const undeclared = (text: string): Promise<void> => this.#redeclare(text);
    const settings = { options, clock, undeclared, waitQueues, heldPlaces };
    const publisher = new RabbitmqPublisher(publishing, declaring, settings);
    this.#services = {
      connection,
      topology,
      queueDepths,
      publisher,
      waitQueues,
      problems,
      heldPlaces,
      returnedUnseen: new ReturnedUnseen(),
      newer,
      formats,
      options,
      context,
    };
    this.#kept = new KeptMessagesWatch(this.#services);
    this.#publishing = publishing;
    this.#consuming = connection;
    this.#publisher = publisher;
    this.#delayRouter = new DelayRouter(this.#services, (error) =>
      context.onEvent({ type: 'error', error: failureOf(error, connection.label, false).error }),
    );
    this.#overdueSweeper = new OverdueSweeper(this.#services, (message, taken) =>
      this.#delayRouter.sendOn(message, taken),
    );
    this.#delayQueueProbe = new DelayQueueProbe(this.#services, this.#delayRouter);
    this.#listen();
  }

  #listen(): void {
    const { context } = this;
    const onDown = (error: Error | undefined): void => this.#reportState(error);
    const onRefused = ({ message }: Error): void =>
      this.problems.add({ code: 'connection_refused', detail: `${message} It is tried again.` });
    const onHandlerError = (error: Error): void => context.onEvent({ type: 'error', error });
    this.#publishing.listen({
      onUp: () =>
        void this.#publisher.open().then(
          () => this.#reportState(),
          () => undefined,
        ),
      onDown,
      onRefused,
      onHandlerError,
      onBlocked: (reason) => {
        this.#publisher.blocked();
        context.onEvent({ type: 'blocked', reason });
      },
      onUnblocked: () => context.onEvent({ type: 'unblocked' }),
    });
    this.#consuming.listen({
      onUp: () => {
        this.#services.topology.forget();
        void this.#groupChanges.subscribe();
        this.#delayQueueProbe.start();
        for (const inbox of this.#inboxes) void inbox.resubscribe();
        this.#reportState();
      },
      onDown,
      onRefused,
      onHandlerError,
      onUnboundedHeaders: () => this.problems.add({ code: 'headers_unbounded', detail: UNBOUNDED_HEADERS }),
    });
  }

  async connect(): Promise<void> {
    await Promise.all([this.#publishing.connect(), this.#consuming.connect()]);
    try {
      await this.#publisher.open();
      await this.#services.topology.ready();
    } catch (error) {
      throw this.explain(error);
    }
    this.#overdueSweeper.start();
    this.#kept.start();
    this.#delayQueueProbe.start();
    this.#reportState();
  }

  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    return this.#publisher.publish(to, messages, options);
  }

  consumer(subscription: Subscription, onDelivery: OnDelivery): RabbitmqConsumer {
    const age = this.#ages.of(subscription);
    return new RabbitmqConsumer(subscription, this.#services, onDelivery, (message) =>
      age.delivered(message),
    );
  }

  async start(consumer: RabbitmqConsumer): Promise<void> {
    await this.#delayRouter.start();
    await consumer.start();
    const { topic, group } = consumer.subscription;
    this.#overdueSweeper.suspects({ topic });
    this.#overdueSweeper.suspects({ topic, group });
  }

  async backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const { topic, group } = of;
    const { topology, queueDepths } = this.#services;
    const isOurs = ({ subscription }: RabbitmqConsumer): boolean =>
      subscription.topic === topic && subscription.group === group;
    const inFlight = [...this.consumers].filter(isOurs).flatMap((consumer) => [...consumer.inFlight()]);
    const waiting = [{ topic }, { topic, group }].flatMap((to) =>
      DELAY_LEVELS.map((level) => topology.names.wait(to, level)),
    );
    const [ready, delayed] = await Promise.all([
      queueDepths.sum([
        ...topology.queuesOf({ topic, group }),
        ...[{ topic }, { topic, group }].map((to) => topology.names.held(to)),
        ...handedOverFormats().map((format) => topology.names.newer({ topic, group }, format)),
      ]),
      queueDepths.sum(waiting),
    ]);
    return this.#ages.backlog(of, { ready, delayed, inHand: inFlight }, this.context.clock.now());
  }

  async groups(topic: string): Promise<readonly GroupState[]> {
    const { topology, queueDepths } = this.#services;
    const known = [...(await topology.knownGroups(topic)).keys()].sort();
    const states = await queueDepths.of(known.map((group) => topology.names.queue({ topic, group })));
    return Promise.all(
      known.map(async (group, index) => ({
        group,
        isConsumed: (states[index]?.consumers ?? 0) > 0,
        backlog: await this.backlog({ topic, group }),
      })),
    );
  }

  removeGroup(topic: string, group: string): Promise<boolean> {
    return this.#services.topology.removeGroup({ topic, group });
  }

  async openInbox(onReply: OnReply): Promise<Inbox> {
    const { topology } = this.#services;
    const settings = { identity: this.#identity, connection: this.#consuming, names: topology.names };
    const inbox = new RabbitmqInbox({ ...settings, clock: this.context.clock }, onReply);
    await inbox.open();
    this.#inboxes.add(inbox);
    return {
      get address() {
        return inbox.address;
      },
      close: () => inbox.close().finally(() => this.#inboxes.delete(inbox)),
    };
  }

  reply(address: string, reply: WireMessage, deadlineMs: number): Promise<PublishOutcome> {
    const { names } = this.#services.topology;
    const place = this.#places.in(address).find((queue) => names.isInbox(queue));
    return place === undefined
      ? Promise.resolve({ kind: 'refused', error: noSuchInbox(this.context.name) })
      : this.#publisher.toInbox(place, reply, deadlineMs);
  }

  async isSubscribed(topic: string): Promise<boolean> {
    return (await this.#services.topology.knownGroups(topic)).size > 0;
  }

  get #identity(): { readonly name: string; readonly system: string } {
    return { name: this.context.name, system: this.system };
  }

  kept(): Promise<readonly KeptMessages[]> {
    return this.#kept.list();
  }

  release(place: string, to?: Required<Destination>): Promise<number> {
    return this.#kept.release(place, to);
  }

  async ping(): Promise<void> {
    await this.#publisher.ping(this.context.clock.monotonic() + PING_TIMEOUT_MS);
  }

  closing(): void {
    this.#delayRouter.close();
    this.#overdueSweeper.close();
    this.#kept.close();
    this.#groupChanges.close();
    this.#delayQueueProbe.close();
    this.#services.newer.close();
    this.#services.formats.ended();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#inboxes].map((inbox) => inbox.close()));
    this.#publisher.close();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }

  explain(cause: unknown): Error {
    return failureOf(cause, this.#consuming.label, true).error;
  }

  /** Deleting an exchange deletes the bindings of all groups, so every consumer of this process binds its group again. */
  async #redeclare(text: string): Promise<void> {
    const { label } = this.#consuming;
    const error = new MessagingError(
      'TRANSPORT_UNAVAILABLE',
      `${label} no longer has an exchange or queue that was declared. It is declared again. The broker says: ${text}`,
    );
    this.context.onEvent({ type: 'error', error });
    this.#services.topology.forget();
    // A consumer that cannot do it now does it after its reconnect.
    await Promise.allSettled([...this.consumers].map((consumer) => consumer.redeclare()));
  }

  /** Connected means: both connections are up and messages can be published. */
  #reportState(error?: Error): void {
    const isUp = this.#publishing.isUp && this.#consuming.isUp;
    if (isUp) this.problems.solve('connection_refused');
    this.state.changed(isUp && this.#publisher.isOpen, error);
  }
}
