import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { ReconnectLoop } from '../../../../core/messaging/transport-kit/reconnect-loop.js';
import { settlesWithin, withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { failureOf, isTransient, typeOf } from '../client/kafka-errors.js';
import { CLIENT_RETRY } from '../connection/client-config.js';
import { ClientSockets } from '../kafkajs/client-sockets.js';
import { disconnectWithin } from '../kafkajs/disconnect.js';
import type { GroupMembership } from './group-membership.js';
import { memberNote, newestOf } from './member-note.js';
import { InterruptionWatch } from './interruption-watch.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type {
  Consumer,
  EachBatchPayload,
  Kafkajs,
  PartitionAssigner,
  RebalanceHook,
} from '../client/kafkajs-client.js';

/** Longest wait of a fetch for new records, and therefore of a stop. */
const FETCH_WAIT_MS = 500;
const FIRST_RETRY_MS = 100;
/**
 * Partitions whose batches may be in flight at a time: all that a process can have, and as many again that may be added while it
 * runs. The client asks each of these workers after every fetch whether it is idle.
 */
const WORKERS_PER_PARTITION = 2;
const MIN_WORKERS = 8;
const MAX_WORKERS = 1_000;
const REBALANCE_TIMEOUT_MS = 30_000;
/** A group whose members have work in flight is slow to let another in, which does not wait for that. */
const JOIN_PATIENCE_MS = 2_000;
const START_PATIENCE_MS = 20_000;
const LEAVE_TIMEOUT_MS = 4_000;
const WATCH_MS = 2_000;

export type Assignment = Readonly<Record<string, readonly number[]>>;

export interface ReaderListener {
  /** May take long, but has to call `heartbeat` meanwhile. */
  batch(payload: EachBatchPayload): Promise<void>;
  /** Before this offset a partition holds only control records, such as the ends of transactions. */
  skipped(topic: string, partition: number, to: number): void;
  /** These partitions are its own from now on. @param isSame whether it was a member all the time. */
  assigned(assignment: Assignment, isSame: boolean): void;
  /**
   * Partitions may be given to others once it resolves.
   *
   * @param keepAlive has to be called regularly meanwhile.
   */
  beforeRebalance(keepAlive: () => Promise<void>): Promise<void>;
  /** The offset is not in the log. Resolves with the one at which reading continues; undefined stops reading the partition. */
  outOfRange(topic: string, partition: number): Promise<number | undefined>;
  /** Its membership has ended, and it joins again. */
  lost(): void;
  /** It gets no messages. Called at intervals while that lasts. @param reason its code and a sentence. */
  interrupted(reason: InterruptionReason): void;
  /** It gets messages, if there are any. Called at intervals. */
  reading(): void;
  failed(error: unknown): void;
}

/** Why a reader gets no messages. */
export interface InterruptionReason {
  readonly code: string;
  readonly text: string;
}

/** Reads topics as a member of a group, for ever: a consumer of the client that ends is replaced. */
export class GroupReader {
  readonly #reconnectLoop: ReconnectLoop;
  #memberId: string | undefined;
  #sockets = new ClientSockets();
  /** Of the last failure. */
  #cause: unknown;
  #isOpen = false;
  #progressAt = 0;
  #cancelWatch = (): void => undefined;
  readonly #interruptions: InterruptionWatch;
  #isMember = false;
  #isClosed = false;

  constructor(
    private readonly link: KafkaConnection,
    private readonly membership: GroupMembership,
    private readonly listener: ReaderListener,
  ) {
    this.#reconnectLoop = new ReconnectLoop(
      () => this.#openInTurn(),
      link.clock,
      (error) => this.#failed(error),
    );
    this.#interruptions = new InterruptionWatch(link.clock, {
      interrupted: (error) =>
        listener.interrupted(
          error
            ? { code: errorCodeOf(error), text: error.message }
            : { code: 'NO_REPLY', text: this.#silence },
        ),
      reading: () => listener.reading(),
    });
  }

  /** Resolves once it is a member of the group, or waits for the others to let it in. */
  async start(): Promise<void> {
    const deadline = this.link.clock.monotonic() + START_PATIENCE_MS;
    for (;;)
      try {
        await this.#reconnectLoop.start();
        this.#interruptions.start();
        return;
      } catch (error) {
        if (this.#isClosed || !isTransient(this.#cause) || this.link.clock.monotonic() > deadline)
          throw error;
        await pause(FIRST_RETRY_MS);
      }
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reconnectLoop.end();
    this.#interruptions.end();
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const consumer = this.membership.consumer;
    this.membership.consumer = undefined;
    this.#memberId = undefined;
    this.#isOpen = false;
    this.#isMember = false;
    this.#cancelWatch();
    if (!consumer) return;
    await disconnectWithin(LEAVE_TIMEOUT_MS, [consumer], this.#sockets);
  }

  async #openInTurn(): Promise<void> {
    const { joining } = this.link;
    await joining.acquire();
    try {
      await this.#open();
    } finally {
      joining.release();
    }
  }

  async #open(): Promise<void> {
    await this.#letGo();
    const { kafka, kafkajs, sockets } = await this.link.consumerClient();
    if (this.#isClosed) throw this.#closedError(); // a consumer that begins now would have no one to close it
    const { sessionTimeoutMs, maxMessageBytes } = this.link.options;
    const consumer = kafka.consumer({
      groupId: this.membership.group.id,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(REBALANCE_TIMEOUT_MS, 2 * sessionTimeoutMs),
      heartbeatInterval: Math.round(sessionTimeoutMs / 4),
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: Math.min(2 ** 20, maxMessageBytes),
      allowAutoTopicCreation: false,
      metadataMaxAge: this.link.clientMetadataMaxAgeMs,
      partitionAssigners: [this.#assigner(kafkajs)],
      retry: { ...CLIENT_RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    this.membership.consumer = consumer;
    this.#sockets = sockets;
    this.#cause = undefined;
    try {
      await this.#join(consumer);
    } catch (error) {
      if (typeOf(error) !== undefined) this.#cause = error;
      if (this.membership.consumer === consumer) await this.#letGo();
      throw failureOf(error, this.link.label, false).error;
    }
    this.#watch(consumer);
  }

  async #join(consumer: Consumer): Promise<void> {
    const { connectTimeoutMs, requestTimeoutMs } = this.link.options;
    const { events } = consumer;
    const alive = (): void => void (this.#progressAt = this.link.clock.monotonic());
    alive();
    let fail = (error: unknown): void => this.#crashed(consumer, error);
    for (const event of [events.FETCH, events.HEARTBEAT, events.START_BATCH_PROCESS, events.GROUP_JOIN])
      consumer.on(event, alive);
    consumer.on(events.FETCH, () => this.membership.consumer === consumer && this.#interruptions.read());
    consumer.on(events.REBALANCING, () => (this.#isMember = false));
    consumer.on(events.END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, lastOffset } }) => {
      if (batchSize === 0) this.listener.skipped(topic, partition, Number(lastOffset) + 1);
    });
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(events.GROUP_JOIN, ({ payload }) => {
        if (this.membership.consumer !== consumer) return;
        const isSame = this.#memberId === payload.memberId;
        this.#memberId = payload.memberId;
        this.#isMember = true;
        this.listener.assigned(payload.memberAssignment, isSame);
        resolve();
      });
      fail = (error) => {
        this.#cause = error;
        reject(failureOf(error, this.link.label, false).error);
        this.#crashed(consumer, error);
      };
      consumer.on(events.CRASH, ({ payload }) => fail(payload.error));
      // It would ask the same broker again and again, which may be unreachable.
      consumer.on(events.REQUEST_TIMEOUT, () => fail(new MessagingError('DEADLINE_EXCEEDED', this.#silence)));
    });
    joined.catch(() => undefined); // it is awaited below, unless something fails before
    const connect = async (): Promise<void> => {
      await consumer.connect();
      await consumer.subscribe({ topics: [...this.membership.group.topics], fromBeginning: true });
    };
    await withDeadline(connect(), connectTimeoutMs + requestTimeoutMs, () => this.link.silentError());
    const running = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#workers,
      eachBatch: (payload) => this.#batch(payload),
    });
    running.catch(fail);
    await settlesWithin(joined, JOIN_PATIENCE_MS, this.link.clock);
    this.#isOpen = true;
  }

  #closedError(): MessagingError {
    return new MessagingError(
      'TRANSPORT_UNAVAILABLE',
      `${this.link.label}: the consumer of group "${this.membership.group.id}" was closed before it could join.`,
    );
  }

  get #workers(): number {
    return Math.min(
      MAX_WORKERS,
      Math.max(MIN_WORKERS, WORKERS_PER_PARTITION * this.membership.group.partitions()),
    );
  }

  /** Only the client's own errors may reach the client: any other would end it. */
  async #batch(payload: EachBatchPayload): Promise<void> {
    // It asks for no more while all slots are in use, and is well.
    const heartbeat = async (): Promise<void> => {
      await payload.heartbeat();
      this.#interruptions.read();
    };
    try {
      await this.listener.batch({ ...payload, heartbeat });
    } catch (error) {
      if (isOfClient(error)) throw error;
      this.listener.failed(error);
    }
  }

  #crashed(consumer: Consumer, error: unknown): void {
    if (this.membership.consumer !== consumer || !this.#isOpen) return; // the call that opens it rejects with this error
    this.#lost(failureOf(error, this.link.label, true).error);
  }

  #lost(error: MessagingError): void {
    this.#isOpen = false;
    this.listener.lost();
    this.#failed(error);
    this.#memberId = undefined;
    this.#cancelWatch();
    this.#reconnectLoop.lost();
  }

  #failed(error: unknown): void {
    this.#interruptions.failed(failureOf(error, this.link.label, false).error);
    this.listener.failed(error);
  }

  get #silence(): string {
    const { label } = this.link;
    return this.#isMember
      ? this.link.silentError().message
      : `${label} does not let it into the group "${this.membership.group.id}", which rebalances: look for a member that joins again and again, or does not join.`;
  }

  /** A consumer that neither fetches nor sends heartbeats has stopped without an error. */
  #watch(consumer: Consumer): void {
    const { clock, options, label } = this.link;
    const patienceMs = REBALANCE_TIMEOUT_MS + options.sessionTimeoutMs + options.requestTimeoutMs;
    this.#cancelWatch = clock.schedule(WATCH_MS, () => {
      if (this.membership.consumer !== consumer) return;
      if (clock.monotonic() - this.#progressAt <= patienceMs) this.#watch(consumer);
      else
        this.#lost(
          new MessagingError(
            'TRANSPORT_UNAVAILABLE',
            `${label}: group "${this.membership.group.id}" has stopped reading without an error; it is joined again.`,
          ),
        );
    });
  }

  /**
   * The client's own, so that other clients can be members of the group, with a hook that runs before it gives partitions up. While
   * members of a newer version are there, they get all partitions, because they can read all that others have written.
   */
  #assigner({ PartitionAssigners, AssignerProtocol }: Kafkajs): PartitionAssigner {
    const hook: RebalanceHook = {
      // The wait for its own handlers is none for the group.
      beforeJoin: (keepAlive) =>
        this.listener.beforeRebalance(async () => {
          await keepAlive();
          this.#interruptions.read();
        }),
      outOfRange: (topic, partition) => this.listener.outOfRange(topic, partition),
    };
    return (config) => {
      const assigner = PartitionAssigners.roundRobin(config);
      const { name, version } = assigner;
      return {
        ...assigner,
        ...hook,
        protocol: ({ topics }) => ({
          name,
          metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: memberNote() }),
        }),
        assign: ({ members, topics }) =>
          assigner.assign({ members: newestOf(members, AssignerProtocol), topics }),
      };
    };
  }
}

function isOfClient(error: unknown): boolean {
  return String((error as { readonly name?: unknown }).name).startsWith('KafkaJS');
}
