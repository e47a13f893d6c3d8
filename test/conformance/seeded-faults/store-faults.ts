import { storeFullError } from '../../../src/core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetterStore,
  DeadLetterUsage,
} from '../../../src/core/messaging/ports/dead-letter-store.js';

/** A defect of a store of dead letters, and the topic of its suite that must notice it. */
export interface SeededStoreFault {
  readonly topic: string;
  readonly plant: (store: DeadLetterStore) => Partial<DeadLetterStore>;
}

const usageOf = async (store: DeadLetterStore): Promise<DeadLetterUsage> =>
  (await store.usage?.()) ?? { count: 0, bytes: 0 };

const limiting = (plant: SeededStoreFault['plant']): SeededStoreFault => ({ topic: 'limiting', plant });

export const SEEDED_STORE_FAULTS: Readonly<Record<string, SeededStoreFault>> = {
  'adds beyond its ceiling': limiting((store) => ({ add: (deadLetter) => store.add(deadLetter) })),
  'compares and adds in two steps': limiting((store) => ({
    add: async (deadLetter, { maxCount = Infinity, maxBytes = Infinity } = {}) => {
      const usage = await usageOf(store);
      if (usage.count >= maxCount) throw storeFullError(usage);
      return store.add(deadLetter, { maxBytes });
    },
  })),
  'keeps what it refuses': limiting((store) => ({
    add: async (deadLetter, ceiling) => {
      try {
        return await store.add(deadLetter, ceiling);
      } catch (error) {
        await store.add(deadLetter);
        throw error;
      }
    },
  })),
  'refuses while it is full what becomes smaller': limiting((store) => ({
    add: async (deadLetter, ceiling) => {
      const usage = await usageOf(store);
      if (usage.bytes >= (ceiling?.maxBytes ?? Infinity)) throw storeFullError(usage);
      return store.add(deadLetter, ceiling);
    },
  })),
  'counts a dead letter that failed again twice': limiting((store) => {
    let added = 0;
    return {
      add: async (deadLetter, ceiling) => {
        const id = await store.add(deadLetter, ceiling);
        added += 1;
        return id;
      },
      usage: async () => ({ ...(await usageOf(store)), count: added }),
    };
  }),
  'counts the bytes of bodies only': limiting((store) => ({
    usage: async () => {
      const { items } = await store.list({}, { limit: 200 });
      const bytes = items.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
      return { ...(await usageOf(store)), bytes };
    },
  })),
  'forgets on a restart what it held': limiting((store) => {
    let before: DeadLetterUsage = { count: 0, bytes: 0 };
    return {
      connect: async () => {
        await store.connect();
        before = await usageOf(store);
      },
      usage: async () => {
        const { count, bytes } = await usageOf(store);
        return { count: count - before.count, bytes: bytes - before.bytes };
      },
    };
  }),
  'discards what has changed meanwhile': limiting((store) => ({ discard: (id) => store.discard(id) })),
};
