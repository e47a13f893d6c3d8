import { randomUUID } from 'node:crypto';
import { awaitedClock } from '../../core/messaging/ports/clock.js';
import type {
  Consumer,
  Delivery,
  PublishOptions,
  PublishOutcome,
  RefusedMessage,
  Settlement,
  Subscription,
  Transport,
  TransportEvent,
  WireMessage,
} from '../../core/messaging/ports/transport.js';
import type { ConformanceOptions, KeepsDeliveries } from './conformance.options.js';
import type { JumpingClock } from './jumping-clock.js';
import type { Expect } from './test-framework.js';

/** How long to look before saying that something does not happen. */
export const QUIET_MS = 300;

/** What a case gets. */
export interface Bench extends BenchTools {
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

type Need =
  | 'reopen'
  | 'beside'
  | 'process'
  | 'outage'
  | 'keepsGroups'
  | 'replies'
  | 'foreign'
  | 'unreadable'
  | 'refusedRetry';

export interface Case {
  readonly title: string;
  /** Options without which the case is skipped. */
  readonly needs?: Need | readonly Need[];
  /** Whether the case is about transports that keep deliveries over an outage, or about those that do not. */
  readonly keepsDeliveries?: KeepsDeliveries;
  readonly run: (bench: Bench) => Promise<void>;
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

/** What cases do with any transport, in the time and with the `expect` of the suite. */
export interface BenchTools {
  readonly expect: Expect;
  /** Milliseconds that limits are counted in. */
  readonly now: () => number;
  /** Publishes, and fails unless every message is accepted. */
  readonly publish: (
    transport: Transport,
    to: string | { readonly topic: string; readonly group: string },
    sent: readonly WireMessage[],
    options?: Partial<PublishOptions>,
  ) => Promise<void>;
  /** Consumes with this settlement for every delivery; acknowledges by default. */
  readonly collect: (
    transport: Transport,
    subscription: Pick<Subscription, 'topic' | 'group'> & Partial<Subscription>,
    settle?: Settle,
  ) => Promise<Collector>;
  /** Waits until the condition holds; fails with what was seen when that takes too long. */
  readonly until: (condition: () => boolean | Promise<boolean>, seen?: () => string) => Promise<void>;
}

/** Generous: brokers on a busy machine take their time, and a condition that holds ends the wait at once. */
const PATIENCE_MS = 45_000;

export function benchTools(
  expect: Expect,
  { patienceMs = PATIENCE_MS, now = () => performance.now() }: ConformanceOptions,
): BenchTools {
  const until: BenchTools['until'] = async (condition, seen = () => '') => {
    const deadline = now() + patienceMs;
    while (!(await condition())) {
      if (now() > deadline)
        throw new Error(`Waited ${patienceMs} ms in vain for ${condition.toString()} (${seen()})`);
      await sleep(5);
    }
  };
  return {
    expect,
    now,
    until,
    publish: async (transport, to, sent, options = {}) => {
      const destination = typeof to === 'string' ? { topic: to } : to;
      const outcomes = await transport.publish(destination, sent, { deadlineMs: patienceMs, ...options });
      expect(outcomes.map(describeOutcome)).toEqual(sent.map(() => 'accepted'));
    },
    collect: async (transport, subscription, settle = () => ACK) => {
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
    },
  };
}

function describeOutcome(outcome: PublishOutcome): string {
  return outcome.kind === 'accepted' ? 'accepted' : `${outcome.kind}: ${outcome.error.message}`;
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

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void awaitedClock.schedule(ms, resolve));
}

/** A promise and the function that resolves it. */
export function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

export function needsOf({ needs = [] }: Case): readonly Need[] {
  return typeof needs === 'string' ? [needs] : needs;
}
