import { randomUUID } from 'node:crypto';
import type { RefusedMessage } from '../../../src/core/messaging/ports/transport.js';
import type {
  Consumer,
  Delivery,
  PublishOptions,
  PublishOutcome,
  Settlement,
  Subscription,
  Transport,
  TransportContext,
  TransportEvent,
  WireMessage,
} from '../../../src/core/messaging/index.js';
import type { JumpingClock } from '../../support/jumping-clock.js';
import { machineNow } from '../../support/machine-time.js';

/** Generous: brokers on a busy machine take their time, and a condition that holds ends the wait at once. */
const PATIENCE_MS = Number(process.env['CONFORMANCE_PATIENCE_MS'] ?? 45_000);
/** How long to look before saying that something does not happen. */
export const QUIET_MS = 300;

type KeepsDeliveries = 'always' | 'if it is quick' | 'never';

/** What a case observes of a transport, and the clock of the process that has it. The system's without one. */
export type CaseContext = Pick<TransportContext, 'onEvent' | 'keepRefused'> &
  Partial<Pick<TransportContext, 'clock'>>;

/** What a transport brings to the suite. */
export interface ConformanceOptions {
  /**
   * A new transport, connected. Several may be open at a time on the same broker.
   *
   * @param context what the case observes; the rest is the transport's own choice.
   */
  readonly create: (context: CaseContext) => Promise<Transport>;
  /** Closes the transport and opens another on the same storage, as after a restart. */
  readonly reopen?: (transport: Transport) => Promise<Transport>;
  /** Opens another transport on the same storage, as another process has one. */
  readonly beside?: (transport: Transport, context: CaseContext) => Promise<Transport>;
  /** Module that a child process loads for the cases that kill a process; it exports `createTransport(storage)`. */
  readonly process?: {
    readonly module: string;
    /** What the child needs to find the same storage. */
    readonly storage: () => string;
    /** Opens that storage in this process, once the child is dead. */
    readonly open: (storage: string) => Promise<Transport>;
  };
  /** Takes the broker of a transport away, and brings it back with what it has stored. */
  readonly outage?: {
    readonly kill: (transport: Transport) => Promise<void>;
    readonly restore: (transport: Transport) => Promise<void>;
    /** It is the same for all transports, and takes long: the cases that need one share it. */
    readonly isOfAll?: true;
    /** What is in hand stays in hand while the broker is away, and can be settled once it is back: always, if the broker is quick, or never (default). */
    readonly keepsDeliveries?: KeepsDeliveries;
  };
  /** What programs can do on the broker that do not use this transport. */
  readonly foreign?: Foreign;
  /** Writes these bytes to a place of the group's own, in a way that the transport cannot read as a message. */
  readonly unreadable?: (
    transport: Transport,
    to: Pick<Subscription, 'topic' | 'group'>,
    body: Uint8Array,
  ) => Promise<void>;
  /** Headers that make the broker refuse the retry that lays them over the message. */
  readonly refusedRetry?: Readonly<Record<string, string>>;
  /** Keeps messages for every group until somebody removes it, and can list and remove groups. */
  readonly keepsGroups?: true;
  /** Body size that the transport refuses. */
  readonly tooLargeBytes: number;
  /** Cases that this transport cannot pass, and why. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

/** A program that uses the broker's own client. */
export interface Foreign {
  /**
   * Publishes to the address of the topic, where every group gets it: with these headers and bytes, and without an id.
   *
   * @param transport the one that consumes; it has made the address.
   */
  readonly publish: (
    transport: Transport,
    topic: string,
    message: Pick<WireMessage, 'headers' | 'body'>,
  ) => Promise<void>;
}

/** What a case gets. */
export interface Bench {
  readonly transport: Transport;
  readonly options: ConformanceOptions;
  /** Of the process that has the first transport. */
  readonly clock: JumpingClock;
  /** What the first transport has emitted, in order. */
  readonly events: readonly TransportEvent[];
  /** What the first transport has given to be kept as a dead letter, in order. */
  readonly refused: readonly RefusedMessage[];
  /** Replaces the transport by one opened on the same storage. */
  readonly reopen: () => Promise<Transport>;
  /** Takes the broker away. */
  readonly kill: () => Promise<void>;
  /** Brings it back. Happens after the case in any event. */
  readonly restore: () => Promise<void>;
}

export interface Case {
  readonly title: string;
  readonly needs?:
    'reopen' | 'beside' | 'process' | 'outage' | 'keepsGroups' | 'foreign' | 'unreadable' | 'refusedRetry';
  /** Whether the case is about transports that keep deliveries over an outage, or about those that do not. */
  readonly keepsDeliveries?: KeepsDeliveries;
  readonly run: (bench: Bench) => Promise<void>;
}

export function unique(prefix = 't'): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`;
}

let counter = 0;
export function message(overrides: Partial<WireMessage> = {}): WireMessage {
  return {
    id: `m-${process.pid}-${++counter}`,
    headers: {},
    body: Buffer.from(String(counter)),
    ...overrides,
  };
}

export function messages(count: number, overrides: Partial<WireMessage> = {}): WireMessage[] {
  return Array.from({ length: count }, () => message(overrides));
}

const PLAIN: PublishOptions = { deadlineMs: PATIENCE_MS };

/** Publishes and expects every message to be accepted. */
export async function publish(
  transport: Transport,
  to: string | { readonly topic: string; readonly group: string },
  sent: readonly WireMessage[],
  options: Partial<PublishOptions> = {},
): Promise<void> {
  const destination = typeof to === 'string' ? { topic: to } : to;
  const outcomes = await transport.publish(destination, sent, { ...PLAIN, ...options });
  expect(outcomes.map(describeOutcome)).toEqual(sent.map(() => 'accepted'));
}

function describeOutcome(outcome: PublishOutcome): string {
  return outcome.kind === 'accepted' ? 'accepted' : `${outcome.kind}: ${outcome.error.message}`;
}

/** A consumer that notes what it gets. */
export interface Collector {
  readonly deliveries: Delivery[];
  readonly ids: () => string[];
  readonly consumer: Consumer;
  /** Resolves once this many deliveries came. */
  readonly received: (count: number) => Promise<Delivery[]>;
}

export type Settle = (delivery: Delivery, nth: number) => Settlement | Promise<Settlement>;
export const ACK: Settlement = { kind: 'ack' };

/** Consumes with this settlement for every delivery; acknowledges by default. */
export async function collect(
  transport: Transport,
  subscription: Pick<Subscription, 'topic' | 'group'> & Partial<Subscription>,
  settle: Settle = () => ACK,
): Promise<Collector> {
  const deliveries: Delivery[] = [];
  const consumer = await transport.consume(
    { concurrency: 10, ordering: 'none', ...subscription },
    async (delivery) => {
      deliveries.push(delivery);
      return settle(delivery, deliveries.length);
    },
  );
  return {
    deliveries,
    consumer,
    ids: () => deliveries.map((delivery) => delivery.message.id),
    received: async (count) => {
      await until(
        () => deliveries.length >= count,
        () => `${deliveries.length} of ${count} deliveries`,
      );
      return deliveries;
    },
  };
}

/** Waits until the condition holds; fails after {@link PATIENCE_MS} with what was seen. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  seen: () => string = () => '',
): Promise<void> {
  const deadline = machineNow() + PATIENCE_MS;
  while (!(await condition())) {
    if (machineNow() > deadline)
      throw new Error(`Waited ${PATIENCE_MS} ms in vain for ${condition.toString()} (${seen()})`);
    await sleep(5);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A promise and the function that resolves it. */
export function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
