import { randomUUID } from 'node:crypto';
import { uuidV7 } from '../../src/core/messaging/message/ids.js';
import type { DeadLetterFilter } from '../../src/core/messaging/ports/dead-letter-store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { type BenchOptions, type Figure, percentile } from '../harness.js';
import { emptyServer, serverUrl } from './servers.js';

const AT_A_TIME = 200;
const QUESTIONS = 50;
/** What an operator waits for without noticing. */
const PAGE_MS = { floor: 50, goal: 10 };

/** Pages, counts and groups of many dead letters. */
export async function measureDeadLetters({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 40_000 : 200_000;
  const store = new RedisDeadLetterStore(
    redisOptionsSchema.parse({ url: await serverUrl(), keyPrefix: `${randomUUID()}:` }),
  );
  await store.connect();
  const begin = Date.now() - count;
  for (let from = 0; from < count; from += AT_A_TIME)
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, nth) => store.add(letterOf(begin, from + nth))));
  progress(`${count.toLocaleString('en')} dead letters are there`);
  const label = `of ${count.toLocaleString('en')} dead letters`;
  const page = (filter: DeadLetterFilter) => () => store.list(filter, { limit: 50 });
  const questions = {
    [`redis page ${label}`]: page({}),
    [`redis page ${label}, one topic and reason`]: page({ topic: 't-3', reason: 'handler_error' }),
    [`redis page ${label}, topic, group and a time`]: page({
      topic: 't-3',
      group: 'g-3',
      from: begin + count / 2,
    }),
    [`redis groups ${label}`]: () => store.groups({ status: 'failed' }, 50),
    [`redis counts ${label}`]: () => store.stats(),
  };
  const figures: Figure[] = [];
  for (const [figure, ask] of Object.entries(questions)) {
    const times: number[] = [];
    for (let nth = 0; nth < QUESTIONS; nth += 1) {
      const startedAt = performance.now();
      await ask();
      times.push(performance.now() - startedAt);
    }
    figures.push({
      figure: `${figure}, p99`,
      value: percentile(times, 0.99),
      unit: 'ms',
      ...PAGE_MS,
      judged: 'ceiling',
    });
  }
  await store.close();
  await emptyServer();
  return figures;
}

function letterOf(begin: number, nth: number): Parameters<RedisDeadLetterStore['add']>[0] {
  const at = begin + nth;
  return {
    id: uuidV7(at),
    topic: `t-${nth % 20}`,
    group: `g-${nth % 5}`,
    handler: 'Billing.charge',
    transport: 'main',
    messageId: `m-${nth}`,
    reason: nth % 3 === 0 ? 'handler_error' : 'expired',
    error: { type: 'Error', message: `card ${nth} declined`, stack: 'at somewhere\n'.repeat(20) },
    fingerprint: `f-${nth % 500}`,
    attempts: 3,
    history: [{ attempt: 1, at, errorType: 'Error' }],
    firstFailedAt: at,
    deadLetteredAt: at,
    headers: {},
    body: Buffer.alloc(256, 120),
  };
}
