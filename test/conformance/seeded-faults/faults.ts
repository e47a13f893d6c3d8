import type { OnDelivery, Settlement, Transport } from '../../../src/core/messaging/transport.js';

const ACK: Settlement = { kind: 'ack' };
const wait = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs));

/** A defect of a transport, and the topic of the suite that must notice it. */
export interface SeededFault {
  readonly topic: string;
  /** Needs a transport that outlives its process. */
  readonly durable?: boolean;
  readonly plant: (transport: Transport) => Partial<Transport>;
}

/** Lays an `onDelivery` of its own over the one of the consumer. */
const delivering =
  (wrap: (onDelivery: OnDelivery, transport: Transport, topic: string) => OnDelivery) =>
  (transport: Transport): Partial<Transport> => ({
    consume: (subscription, onDelivery) =>
      transport.consume(subscription, wrap(onDelivery, transport, subscription.topic)),
  });

/** Every one of them has been seen in some messaging library. */
export const SEEDED_FAULTS: Readonly<Record<string, SeededFault>> = {
  'acknowledges before the handler is done': {
    topic: 'stopping',
    plant: delivering((onDelivery) => (delivery) => {
      void onDelivery(delivery);
      return Promise.resolve(ACK);
    }),
  },
  'does not raise the attempt': {
    topic: 'retrying',
    plant: delivering((onDelivery) => (delivery) => onDelivery({ ...delivery, attempt: 1 })),
  },
  'ignores the group of a directed message': {
    topic: 'groups',
    plant: (transport) => ({
      publish: ({ topic }, messages, options) => transport.publish({ topic }, messages, options),
    }),
  },
  'sends a retry to every group': {
    topic: 'retrying',
    plant: delivering((onDelivery, transport, topic) => async (delivery) => {
      const settlement = await onDelivery(delivery);
      if (settlement.kind === 'ack') return ACK;
      await transport.publish({ topic }, [delivery.message], {
        delayMs: settlement.delayMs,
        deadlineMs: 5_000,
      });
      return ACK;
    }),
  },
  'waits in the slot until a retry is due': {
    topic: 'retrying',
    plant: delivering((onDelivery) => async (delivery) => {
      const settlement = await onDelivery(delivery);
      if (settlement.kind === 'ack') return ACK;
      await wait(Math.min(settlement.delayMs, 6_000)); // longer than the suite waits while faults are seeded
      return { ...settlement, delayMs: 0 };
    }),
  },
  'drops the headers of a retry': {
    topic: 'retrying',
    plant: delivering((onDelivery) => async (delivery) => {
      const settlement = await onDelivery(delivery);
      return settlement.kind === 'ack' ? ACK : { kind: 'retry', delayMs: settlement.delayMs };
    }),
  },
  'has one delivery more in hand than allowed': {
    topic: 'pressure',
    plant: (transport) => ({
      consume: (subscription, onDelivery) =>
        transport.consume({ ...subscription, concurrency: subscription.concurrency + 1 }, onDelivery),
    }),
  },
  'ignores delays': {
    topic: 'delaying',
    plant: (transport) => ({
      publish: (to, messages, { deadlineMs }) => transport.publish(to, messages, { deadlineMs }),
    }),
  },
  'ignores the order of keys': {
    topic: 'ordering',
    plant: (transport) => ({
      consume: (subscription, onDelivery) =>
        transport.consume({ ...subscription, ordering: 'none' }, onDelivery),
    }),
  },
  'stops without waiting for what is in hand': {
    topic: 'stopping',
    plant: (transport) => ({
      consume: async (subscription, onDelivery) => {
        const consumer = await transport.consume(subscription, onDelivery);
        return {
          stop: () => {
            void consumer.stop();
            return Promise.resolve();
          },
        };
      },
    }),
  },
  'mixes up the outcomes of a call': {
    topic: 'limits',
    plant: (transport) => ({
      publish: async (...call) => {
        const [first, ...rest] = await transport.publish(...call);
        return first ? [...rest, first] : [];
      },
    }),
  },
  'forgets a group that does not consume': {
    topic: 'groups',
    plant: (transport) => {
      const consuming = new Set<string>();
      return {
        consume: async (subscription, onDelivery) => {
          const consumer = await transport.consume(subscription, onDelivery);
          consuming.add(subscription.topic);
          return {
            stop: async () => {
              consuming.delete(subscription.topic);
              await consumer.stop();
            },
          };
        },
        publish: async (to, messages, options) =>
          consuming.has(to.topic)
            ? transport.publish(to, messages, options)
            : messages.map(() => ({ kind: 'accepted' })),
      };
    },
  },
  'says accepted before the message is stored': {
    topic: 'crashing',
    durable: true,
    plant: (transport) => ({
      publish: (to, messages, options) => {
        setTimeout(() => void transport.publish(to, messages, options), 300);
        return wait(1).then(() => messages.map(() => ({ kind: 'accepted' as const })));
      },
    }),
  },
  'loses what it holds on a restart': {
    topic: 'restarting',
    durable: true,
    plant: () => ({}), // planted in the options: it is reopened on an empty directory
  },
};

/** The transport with the fault in it. */
export function withFault(transport: Transport, fault: SeededFault): Transport {
  const planted = fault.plant(transport);
  return new Proxy(transport, {
    get: (target, property) => {
      const value: unknown = Reflect.get(planted, property) ?? Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
