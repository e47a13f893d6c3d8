import type { Clock, Destination, PublishOutcome, WireMessage } from '../../../core/messaging/transport.js';
import { ConfirmWriter } from './confirm-writer.js';
import { nextWaitMs } from './delay-plan.js';
import { seal, type Transit } from './envelope.js';
import { routingKeyOf } from './key-buckets.js';
import { type Fate, Outbound, type Sealed } from './outbound.js';
import { ACCEPTED, lateError, outcomeOf, type State, unsent } from './publish-outcomes.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { failureOf } from './rabbitmq-errors.js';
import type { RabbitmqOptions } from './rabbitmq.options.js';
import type { Topology } from './topology.js';
import { within } from './within.js';

/** Where a message is published to. */
interface Place {
  readonly exchange: string;
  /** Without: the bucket of the key. */
  readonly routingKey?: string;
  /** Keeps what no queue wants. Without: a queue that is gone is an error. */
  readonly heldFor?: Destination;
  /** One queue at most takes it, so that a refusal is certain. */
  readonly isSingle: boolean;
}

/** A message with what the transport adds to it. */
export interface Letter {
  readonly message: WireMessage;
  readonly transit?: Transit;
}

export interface PublisherSettings {
  readonly options: RabbitmqOptions;
  readonly clock: Clock;
  /** Told when something that is published to turns out to be missing, with what the broker says. */
  readonly undeclared: (text: string) => void;
}

/** Publishes with an outcome for each message, on a connection that only publishes. */
export class RabbitmqPublisher {
  private readonly clock: Clock;
  readonly #writer: ConfirmWriter;

  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly topology: Topology,
    { options, clock, undeclared }: PublisherSettings,
  ) {
    this.clock = clock;
    this.#writer = new ConfirmWriter(connection, options, clock, (text) => {
      topology.forget();
      undeclared(text);
    });
  }

  get isOpen(): boolean {
    return this.#writer.isOpen;
  }

  get #state(): State {
    const { label, isUp, blockedReason } = this.connection;
    return { label, isUp, blockedReason, closedBecause: this.#writer.closedBecause };
  }

  /** Makes it ready, after each time the connection has come up. */
  open(): Promise<void> {
    this.topology.forget();
    return this.#writer.open();
  }

  /** The broker takes nothing for now. */
  blocked(): void {
    this.#writer.refuseWaiting();
  }

  close(): void {
    this.#writer.close();
  }

  /** To a topic or a group, at once or later. */
  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    { delayMs = 0, deadlineMs }: { readonly delayMs?: number | undefined; readonly deadlineMs: number },
  ): Promise<readonly PublishOutcome[]> {
    const deadline = this.clock.monotonic() + deadlineMs;
    const delay = delayMs > 0 ? { ...to, dueAt: this.clock.now() + delayMs, delayMs } : undefined;
    const letters = messages.map((message) => (delay ? { message, transit: { delay } } : { message }));
    return delay ? this.postpone(to, letters, deadline) : this.deliver(to, letters, deadline);
  }

  /** To every group of a topic that is there; none is an error. */
  async toGroups(
    topic: string,
    letters: readonly Letter[],
    deadline: number,
  ): Promise<readonly PublishOutcome[]> {
    const failed = await this.#prepared(() => this.topology.exchange({ topic }), letters, deadline);
    const place = { exchange: this.topology.names.exchange({ topic }), isSingle: false };
    return failed ?? this.#send(place, letters, deadline);
  }

  /** To the queue of the group or groups now. */
  async deliver(
    to: Destination,
    letters: readonly Letter[],
    deadline: number,
  ): Promise<readonly PublishOutcome[]> {
    const place = {
      exchange: this.topology.names.exchange(to),
      heldFor: to,
      isSingle: to.group !== undefined,
    };
    const failed = await this.#prepared(() => this.topology.exchange(to), letters, deadline);
    return failed ?? this.#send(place, letters, deadline);
  }

  /** To the queue in which all of them wait next; all have the same delay. */
  async postpone(
    to: Destination,
    letters: readonly Letter[],
    deadline: number,
  ): Promise<readonly PublishOutcome[]> {
    const delay = letters[0]?.transit?.delay;
    const waitMs = delay && nextWaitMs(delay.dueAt - this.clock.now(), delay.delayMs);
    if (waitMs === undefined) return this.deliver(to, letters.map(withoutDelay), deadline);
    const failed = await this.#prepared(() => this.topology.waitQueue(to, waitMs), letters, deadline);
    return failed ?? this.#send(queuePlace(this.topology.names.wait(to, waitMs)), letters, deadline);
  }

  /** To a queue that is known to be there. */
  toQueue(queue: string, letters: readonly Letter[], deadline: number): Promise<readonly PublishOutcome[]> {
    return this.#send(queuePlace(queue), letters, deadline);
  }

  /** Proves that a durable write is confirmed now; rejects otherwise. */
  async ping(deadline: number): Promise<void> {
    const letter: Letter = { message: { id: 'ping', headers: {}, body: Buffer.alloc(0) } };
    const failed = await this.#prepared(() => this.topology.pingQueue(), [letter], deadline);
    const [outcome] = failed ?? (await this.toQueue(this.topology.names.ping, [letter], deadline));
    if (outcome?.kind !== 'accepted') throw outcome?.error ?? lateError(this.connection.label);
  }

  /** Resolves with the same outcome for all when what they need cannot be declared. */
  async #prepared(
    declare: () => Promise<void> | undefined,
    letters: readonly Letter[],
    deadline: number,
  ): Promise<readonly PublishOutcome[] | undefined> {
    const failed = (outcome: PublishOutcome): readonly PublishOutcome[] => letters.map(() => outcome);
    const { isUp, blockedReason, label } = this.connection;
    if (!isUp || blockedReason !== undefined) return failed(unsent(this.#state));
    try {
      const declaring = declare();
      const opening = this.#writer.isOpen ? undefined : this.#writer.open();
      if (!declaring && !opening) return undefined;
      const leftMs = Math.max(1, deadline - this.clock.monotonic());
      await within(Promise.all([declaring, opening]), leftMs, () => lateError(this.connection.label));
      return undefined;
    } catch (error) {
      return failed(failureOf(error, label, false));
    }
  }

  #send(place: Place, letters: readonly Letter[], deadline: number): Promise<readonly PublishOutcome[]> {
    return new Promise((resolve) => {
      const outcomes = new Array<PublishOutcome>(letters.length).fill(ACCEPTED);
      let left = letters.length;
      const settle = (index: number, outcome: PublishOutcome): void => {
        outcomes[index] = outcome;
        left -= 1;
        if (left === 0) resolve(outcomes);
      };
      if (left === 0) resolve(outcomes);
      for (const [index, letter] of letters.entries()) {
        const told = (fate: Fate): void => {
          if (fate === 'confirmed') settle(index, ACCEPTED);
          else void this.#failed(fate, place, letter, deadline).then((outcome) => settle(index, outcome));
        };
        const routingKey = place.routingKey ?? routingKeyOf(letter.message.key);
        this.#writer.write(new Outbound(place.exchange, routingKey, sealed(letter, deadline), told));
      }
    });
  }

  async #failed(fate: Fate, place: Place, letter: Letter, deadline: number): Promise<PublishOutcome> {
    if (fate !== 'returned')
      return outcomeOf(fate, this.#state, place.routingKey ?? place.exchange, place.isSingle);
    if (place.heldFor) return this.#hold(place.heldFor, letter, deadline);
    this.topology.forget(); // somebody has deleted the queue: whoever comes next declares it anew
    return outcomeOf(fate, this.#state, place.routingKey ?? place.exchange, true);
  }

  /** No group has consumed there yet: the first one that does finds it. */
  async #hold(to: Destination, letter: Letter, deadline: number): Promise<PublishOutcome> {
    const failed = await this.#prepared(() => this.topology.heldQueue(to), [letter], deadline);
    const held = queuePlace(this.topology.names.held(to));
    return (failed ?? (await this.#send(held, [letter], deadline)))[0] ?? ACCEPTED;
  }
}

function sealed({ message, transit }: Letter, deadline: number): Sealed {
  const { buffer, byteOffset, byteLength } = message.body;
  const content = Buffer.isBuffer(message.body) ? message.body : Buffer.from(buffer, byteOffset, byteLength);
  return { content, properties: seal(message, transit), deadline };
}

function queuePlace(queue: string): Place {
  return { exchange: '', routingKey: queue, isSingle: true };
}

function withoutDelay({ message, transit: { delay: _delay, ...transit } = {} }: Letter): Letter {
  return { message, transit };
}
