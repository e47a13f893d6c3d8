import type {
  OnDelivery,
  Settlement,
  Transport,
  WireMessage,
} from '../../../src/core/messaging/ports/transport.js';

const ACK: Settlement = { kind: 'ack' };
const wait = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs));

/** A defect of a transport, and the topic of the suite that must notice it. */
export interface SeededFault {
  readonly topic: string;
  /** What it needs to show: a transport that outlives its process, or one whose broker can go away. */
  readonly base?: 'embedded' | 'line';
  /** Planted in the process that is killed, and not in the one that looks afterwards. */
  readonly onlyInChild?: boolean;
  /** It is opened on an empty directory instead of its own. */
  readonly losesStorage?: boolean;
  readonly plant: (transport: Transport) => Partial<Transport>;
}

/** Lays an `onDelivery` of its own over the one of the consumer. */
const delivering =
  (wrap: (onDelivery: OnDelivery, transport: Transport, topic: string) => OnDelivery) =>
  (transport: Transport): Partial<Transport> => ({
    consume: (subscription, onDelivery) =>
      transport.consume(subscription, wrap(onDelivery, transport, subscription.topic)),
  });

async function publishOne(
  transport: Transport,
  ...[topic, message, delayMs = 0]: [topic: string, message: WireMessage, delayMs?: number]
): Promise<void> {
  await transport.publish({ topic }, [message], { delayMs, deadlineMs: 5_000 });
}

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
  'counts a retry that counts no attempt': {
    topic: 'uncounted',
    plant: delivering((onDelivery) => async (delivery) => {
      const settlement = await onDelivery(delivery);
      if (settlement.kind === 'ack') return ACK;
      const { countsAttempt: _, ...counted } = settlement;
      return counted;
    }),
  },
  'begins at the first attempt again after a retry that counts none': {
    topic: 'uncounted',
    plant: delivering((onDelivery, transport, topic) => async (delivery) => {
      const settlement = await onDelivery(delivery);
      if (settlement.kind === 'ack' || settlement.countsAttempt !== false) return settlement;
      await publishOne(transport, topic, delivery.message, settlement.delayMs);
      return ACK;
    }),
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
      await publishOne(transport, topic, delivery.message, settlement.delayMs);
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
  'shows a group nothing that came before it': {
    topic: 'groups',
    plant: (transport) => {
      const published = new Set<string>();
      const known = new Set<string>();
      return {
        publish: (to, messages, options) => {
          for (const { id } of messages) published.add(id);
          return transport.publish(to, messages, options);
        },
        consume: (subscription, onDelivery) => {
          const group = `${subscription.topic} ${subscription.group}`;
          const unseen = known.has(group) ? new Set<string>() : new Set(published);
          known.add(group);
          return transport.consume(subscription, (delivery) =>
            unseen.has(delivery.message.id) ? Promise.resolve(ACK) : onDelivery(delivery),
          );
        },
      };
    },
  },
  'keeps a copy of every body': {
    topic: 'pressure',
    base: 'embedded',
    plant: (transport) => {
      const kept: Uint8Array[] = [];
      return {
        publish: (to, messages, options) => {
          for (const { body } of messages) kept.push(new Uint8Array(body));
          return transport.publish(to, messages, options);
        },
      };
    },
  },
  'publishes in the end what it called unavailable': {
    topic: 'reconnecting',
    base: 'line',
    plant: (transport) => {
      const again = async (...[to, messages, options]: Parameters<Transport['publish']>): Promise<void> => {
        for (let tries = 0; tries < 50; tries++) {
          await wait(20);
          const outcomes = await transport.publish(to, messages, options);
          if (outcomes.every(({ kind }) => kind === 'accepted')) return;
        }
      };
      return {
        publish: async (...call) => {
          const outcomes = await transport.publish(...call);
          if (outcomes.some(({ kind }) => kind === 'unavailable')) void again(...call);
          return outcomes;
        },
      };
    },
  },
  'does not count a crash': {
    topic: 'crashing',
    base: 'embedded',
    plant: delivering((onDelivery) => (delivery) => onDelivery({ ...delivery, attempt: 1 })),
  },
  'keeps its retries in memory': {
    topic: 'crashing',
    base: 'embedded',
    onlyInChild: true,
    plant: delivering((onDelivery, transport, topic) => async (delivery) => {
      const settlement = await onDelivery(delivery);
      if (settlement.kind === 'ack') return ACK;
      void wait(settlement.delayMs).then(() => publishOne(transport, topic, delivery.message));
      return ACK;
    }),
  },
  'says accepted before the message is stored': {
    topic: 'crashing',
    base: 'embedded',
    onlyInChild: true,
    plant: (transport) => ({
      publish: (to, messages, options) => {
        setTimeout(() => void transport.publish(to, messages, options), 300);
        return wait(1).then(() => messages.map(() => ({ kind: 'accepted' as const })));
      },
    }),
  },
  'loses what it holds on a restart': {
    topic: 'restarting',
    base: 'embedded',
    losesStorage: true,
    plant: () => ({}),
  },
};

/** The transport or store with the fault in it, or as it is without one. */
export function withFault<T extends object>(
  sound: T,
  fault: { readonly plant: (sound: T) => Partial<T> } | undefined,
): T {
  if (!fault) return sound;
  const planted = fault.plant(sound);
  return new Proxy(sound, {
    get: (target, property) => {
      const value: unknown = Reflect.get(planted, property) ?? Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
