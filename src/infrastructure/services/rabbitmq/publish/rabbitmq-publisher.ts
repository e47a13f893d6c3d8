import type {
  Clock,
  Destination,
  PublishOptions,
  PublishOutcome,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { ConfirmWriter } from './confirm-writer.js';
import { nextWaitMs, passableMs } from '../topology/delay-levels.js';
import { type Delay, encode, type Transit } from '../wire/message-codec.js';
import { routingKeyOf } from '../wire/key-buckets.js';
import { ACCEPTED, type ConfirmResult, OutboundMessage, PendingPublish } from './outbound-message.js';
import { lateError, outcomeOf, type State, unsent } from './publish-outcomes.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { failureOf } from '../client/rabbitmq-errors.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';
import type { Topology } from '../topology/topology.js';
import type { WaitQueues } from '../topology/wait-queues.js';
import { noSuchInbox } from '../../../../core/messaging/transport-kit/local-inboxes.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

/** Returned messages restore the bindings of a destination once in this time. */
const RESTORE_AGAIN_MS = 5_000;
/** Delivery mode of AMQP. */
const TRANSIENT = 1;

/** Where a message is published to. */
interface Place {
  readonly exchange: string;
  /** Without: the bucket of the key. */
  readonly routingKey?: string;
  /** Where to keep the message when no queue is bound. Without: a missing queue is an error. */
  readonly heldFor?: Destination;
  /** At most one queue takes it, so that a nack means that it was not taken. */
  readonly isSingle: boolean;
  /** Queue of a process that may be gone, which is no reason to declare anything again. */
  readonly isInbox?: boolean;
  /** The bindings were restored, and it is published once more. */
  readonly isAgain?: boolean;
}

/** Messages with the same destination. */
export interface Parcel {
  readonly messages: readonly WireMessage[];
  /** Headers that the transport adds to each. */
  readonly transit?: Transit;
  /** On the monotonic clock. */
  readonly deadline: number;
  /** Worthless after a restart of the broker, so that it writes none of them to its disk where the queue permits. */
  readonly isTransient?: boolean | undefined;
}

/** A delay with what is left of it now. */
export type Postponed = Omit<Delay, 'dueAt'> & { readonly leftMs: number };

export interface PublisherSettings {
  readonly options: RabbitmqOptions;
  readonly clock: Clock;
  /**
   * Called when an exchange turns out to be missing, with the reply of the broker. Resolves once the groups of this process
   * are bound again, or cannot be. Nothing is published before, because it would not reach them.
   */
  readonly undeclared: (text: string) => Promise<void>;
  /** By held queue: the destination of its messages. Added to before a message is held. */
  readonly heldPlaces: Map<string, Destination>;
  /** Learns of each delay queue before it is used. */
  readonly waitQueues: WaitQueues;
}

/** Publishes with an outcome for each message, on a connection that only publishes. */
export class RabbitmqPublisher {
  private readonly clock: Clock;
  readonly #writer: ConfirmWriter;
  #redeclaring: Promise<void> | undefined;
  readonly #restoring = new Map<string, Promise<boolean>>();

  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly topology: Topology,
    private readonly settings: PublisherSettings,
  ) {
    const { options, clock } = settings;
    this.clock = clock;
    this.#writer = new ConfirmWriter(connection, options, clock, (text) => {
      topology.forget();
      const redeclaring = settings.undeclared(text).finally(() => {
        if (this.#redeclaring === redeclaring) this.#redeclaring = undefined;
      });
      this.#redeclaring = redeclaring;
    });
  }

  get isOpen(): boolean {
    return this.#writer.isOpen;
  }

  get #state(): State {
    const { label, isUp, blockedReason } = this.connection;
    return { label, isUp, blockedReason, closedBecause: this.#writer.closedBecause };
  }

  /** Call it each time the connection is up again. */
  open(): Promise<void> {
    this.topology.forget();
    return this.#writer.open();
  }

  /** The broker has blocked the connection. */
  blocked(): void {
    this.#writer.failQueued();
  }

  close(): void {
    this.#writer.close();
  }

  /** To a topic or a group, at once or later. */
  publish(
    to: Destination,
    messages: readonly WireMessage[],
    { delayMs = 0, deadlineMs, isTransient }: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const deadline = this.clock.monotonic() + deadlineMs;
    if (delayMs <= 0) return this.deliver(to, { messages, deadline, isTransient });
    return this.postpone(to, { ...to, delayMs, leftMs: delayMs }, { messages, deadline });
  }

  /** To every group of a topic that is there; none is an error. */
  async toGroups(topic: string, parcel: Parcel): Promise<readonly PublishOutcome[]> {
    const failed = await this.#prepared(() => this.topology.exchange({ topic }), parcel);
    const place = { exchange: this.topology.names.exchange({ topic }), isSingle: false };
    return failed ?? this.#send(place, parcel);
  }

  /** To the queue of the group or groups now. */
  async deliver(to: Destination, parcel: Parcel): Promise<readonly PublishOutcome[]> {
    const exchange = this.topology.names.exchange(to);
    const failed = await this.#prepared(() => this.topology.exchange(to), parcel);
    return failed ?? this.#send({ exchange, heldFor: to, isSingle: to.group !== undefined }, parcel);
  }

  /**
   * To the next delay queue, or to the destination when they are due. The broker measures each wait, and what is left travels as a
   * distance: the clock of no process decides when a message is delivered.
   */
  async postpone(to: Destination, postponed: Postponed, parcel: Parcel): Promise<readonly PublishOutcome[]> {
    const { leftMs } = postponed;
    const wantedMs = nextWaitMs(leftMs, postponed.delayMs);
    if (wantedMs === undefined) return this.deliver(to, parcel);
    const waitMs = this.#passableMs(to, wantedMs);
    const dueAt = this.clock.now() + leftMs;
    const delay = { ...postponed, dueAt, leftMs: Math.max(0, leftMs - waitMs) };
    const failed = await this.#prepared(() => this.#waitQueue(to, waitMs), parcel);
    const transit = { ...parcel.transit, delay };
    return failed ?? this.#send(queuePlace(this.topology.names.wait(to, waitMs)), { ...parcel, transit });
  }

  #passableMs(to: Destination, wantedMs: number): number {
    const { stuck } = this.settings.waitQueues;
    if (stuck.size === 0) return wantedMs;
    return passableMs(wantedMs, (waitMs) => stuck.has(this.topology.names.wait(to, waitMs)));
  }

  #waitQueue(to: Destination, waitMs: number): Promise<void> | undefined {
    const declaring = this.topology.waitQueue(to, waitMs);
    if (declaring) this.settings.waitQueues.uses(to, waitMs);
    return declaring;
  }

  /** To a queue that is known to exist. */
  toQueue(queue: string, parcel: Parcel): Promise<readonly PublishOutcome[]> {
    return this.#send(queuePlace(queue), parcel);
  }

  /** To the inbox of a process. `refused` when it is gone. */
  async toInbox(queue: string, reply: WireMessage, deadlineMs: number): Promise<PublishOutcome> {
    const deadline = this.clock.monotonic() + deadlineMs;
    const parcel = { messages: [reply], deadline, isTransient: true };
    const failed = this.#isReady ? undefined : await this.#prepared(() => undefined, parcel);
    const [outcome] = failed ?? (await this.#send({ ...queuePlace(queue), isInbox: true }, parcel));
    return outcome ?? ACCEPTED;
  }

  /** What needs no declaration can be written at once. */
  get #isReady(): boolean {
    const { isUp, blockedReason } = this.connection;
    return isUp && blockedReason === undefined && this.#redeclaring === undefined && this.#writer.isOpen;
  }

  /** Resolves when the broker confirms a durable write; rejects otherwise. */
  async ping(deadline: number): Promise<void> {
    const parcel = { messages: [{ id: 'ping', headers: {}, body: Buffer.alloc(0) }], deadline };
    const failed = await this.#prepared(() => this.topology.pingQueue(), parcel);
    const [outcome] = failed ?? (await this.toQueue(this.topology.names.ping, parcel));
    if (outcome?.kind !== 'accepted') throw outcome?.error ?? lateError(this.connection.label);
  }

  /** Resolves with a failure for all messages when their exchange or queue cannot be declared. */
  async #prepared(
    declare: () => Promise<void> | undefined,
    { messages, deadline }: Parcel,
  ): Promise<readonly PublishOutcome[] | undefined> {
    const failed = (outcome: PublishOutcome): readonly PublishOutcome[] => messages.map(() => outcome);
    const { isUp, blockedReason, label } = this.connection;
    if (!isUp || blockedReason !== undefined) return failed(unsent(this.#state));
    const leftMs = (): number => Math.max(1, deadline - this.clock.monotonic());
    try {
      if (this.#redeclaring) await withDeadline(this.#redeclaring, leftMs(), () => lateError(label));
      const declaring = declare();
      const opening = this.#writer.isOpen ? undefined : this.#writer.open();
      if (!declaring && !opening) return undefined;
      await withDeadline(Promise.all([declaring, opening]), leftMs(), () => lateError(label));
      return undefined;
    } catch (error) {
      return failed(failureOf(error, label, false));
    }
  }

  #send(place: Place, parcel: Parcel): Promise<readonly PublishOutcome[]> {
    return new Promise((resolve) => {
      const call = new PendingPublish(parcel.messages.length, resolve, (result, index) =>
        this.#failed(result, place, parcel, index),
      );
      const { messages, transit, deadline, isTransient } = parcel;
      for (let index = 0; index < messages.length; index += 1) {
        const message = messages[index] as WireMessage;
        const outbound = new OutboundMessage(call, index, bytesOf(message.body), encode(message, transit));
        if (isTransient) outbound.properties.deliveryMode = TRANSIENT;
        outbound.exchange = place.exchange;
        outbound.routingKey = place.routingKey ?? routingKeyOf(message.key);
        outbound.deadline = deadline;
        this.#writer.write(outbound);
      }
    });
  }

  async #failed(result: ConfirmResult, place: Place, parcel: Parcel, index: number): Promise<PublishOutcome> {
    const where = place.routingKey ?? place.exchange;
    if (result !== 'returned') return outcomeOf(result, this.#state, where, place.isSingle);
    if (place.isInbox) return { kind: 'refused', error: noSuchInbox(this.connection.label) };
    if (place.heldFor) {
      const messages = parcel.messages.slice(index, index + 1);
      return this.#returned(place, place.heldFor, { ...parcel, messages });
    }
    this.topology.forget(); // another client has deleted the queue: the next publish declares it again
    return outcomeOf(result, this.#state, where, true);
  }

  /** The broker has no binding: the proof that one is missing, unless no group has consumed yet. */
  async #returned(place: Place, to: Destination, parcel: Parcel): Promise<PublishOutcome> {
    if (!place.isAgain && (await this.#restored(to))) {
      const [outcome] = await this.#send({ ...place, isAgain: true }, parcel);
      return outcome as PublishOutcome;
    }
    return this.hold(to, parcel);
  }

  /** Binds the known groups again, once for all messages that were returned at the moment. False when there are none. */
  #restored(to: Destination): Promise<boolean> {
    const key = this.topology.names.exchange(to);
    const running = this.#restoring.get(key);
    if (running) return running;
    const restoring = this.topology.bindAllKnown(to).catch(() => false);
    this.#restoring.set(key, restoring);
    this.clock.schedule(RESTORE_AGAIN_MS, () => this.#restoring.delete(key));
    return restoring;
  }

  /** Keeps messages until a group is bound. */
  async hold(to: Destination, parcel: Parcel): Promise<PublishOutcome> {
    this.settings.heldPlaces.set(this.topology.names.held(to), to);
    const failed = await this.#prepared(() => this.topology.heldQueue(to), parcel);
    const held = queuePlace(this.topology.names.held(to));
    const keptUntil = this.clock.now() + this.settings.options.orphanRetentionMs;
    const transit = { ...parcel.transit, keptUntil };
    return (failed ?? (await this.#send(held, { ...parcel, transit })))[0] ?? ACCEPTED;
  }
}

function bytesOf(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function queuePlace(queue: string): Place {
  return { exchange: '', routingKey: queue, isSingle: true };
}
