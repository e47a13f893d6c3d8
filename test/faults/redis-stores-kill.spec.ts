import { DEAD_LETTER_STATUSES } from '../../src/core/messaging/ports/dead-letter-store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { deadLetter } from '../conformance/dead-letters/letters.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { report } from './measured.js';
import { type Child, startChild } from './child-process.js';
import type { ChildTask } from './redis-child.js';

const KILLS = 6;
let server: RedisServer;
const children: Child[] = [];

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
afterEach(() => Promise.all(children.splice(0).map((child) => child.kill())));

/** Starts a process again and again, and kills each at another moment of its work. */
async function killAgainAndAgain(role: ChildTask['role'], options: object): Promise<string[]> {
  const said: string[] = [];
  for (let nth = 0; nth < KILLS; nth++) {
    const task: ChildTask = { role, name: `child-${nth}`, options };
    const child = startChild('test/faults/redis-child.ts', task);
    children.push(child);
    await waitUntil('it works', async () => child.lines.length > 20 + nth * 7);
    await child.kill();
    said.push(...child.lines.map(({ text }) => text));
  }
  return said;
}

async function idsOf(store: RedisDeadLetterStore): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await store.list({}, { limit: 200, ...(after !== undefined && { after }) });
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === undefined) return ids;
    after = page.next;
  }
}

it('letters, indexes, counts and places agree whenever a process is killed', async () => {
  const options = { url: server.url, keyPrefix: 'letters:' };
  const said = await killAgainAndAgain('letters', options);
  const store = new RedisDeadLetterStore(redisOptionsSchema.parse(options));
  await store.connect();
  try {
    const ids = await idsOf(store);
    expect(ids.length).toBeGreaterThan(50);
    const deadLetters = await Promise.all(ids.map((id) => store.find(id)));
    expect(deadLetters.filter((one) => one === undefined)).toEqual([]);
    expect(await store.count({})).toBe(ids.length);
    for (const status of DEAD_LETTER_STATUSES) {
      const count = deadLetters.filter((one) => one?.status === status).length;
      expect(await store.count({ status })).toBe(count);
      const groups = await store.groups({ status }, 200);
      expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(count);
    }
    const stats = await store.stats();
    expect(stats.reduce((sum, { count }) => sum + count, 0)).toBe(ids.length);
    for (const one of deadLetters.slice(0, 100)) {
      if (!one || one.status === 'resolved') continue;
      const { topic, group, messageId } = one;
      expect(await store.add(deadLetter({ topic, group, messageId }))).toBe(one.id); // still has its place
    }
    expect(await store.count({})).toBe(ids.length);
    report(
      'redis, stores',
      `${KILLS} processes killed in ${said.length} rounds, ${ids.length} letters agree`,
    );
  } finally {
    await store.close();
  }
}, 120_000);

it('what was said to be handled stays so, and what was claimed can be claimed again, whenever a process is killed', async () => {
  const options = { url: server.url, keyPrefix: 'claims:' };
  const said = await killAgainAndAgain('claims', options);
  const keysOf = (word: string): string[] =>
    said.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const completed = keysOf('completed');
  expect(completed.length).toBeGreaterThan(50);
  const store = new RedisIdempotencyStore(redisOptionsSchema.parse(options));
  await store.connect();
  try {
    const kinds = await Promise.all(completed.map(async (key) => (await store.begin(key, 1_000)).kind));
    expect(kinds.filter((kind) => kind !== 'done')).toEqual([]);
    const open = keysOf('claimed').filter((key) => !completed.includes(key));
    for (const key of open)
      await waitUntil('its lease ends', async () => (await store.begin(key, 60_000)).kind !== 'busy');
  } finally {
    await store.close();
  }
}, 120_000);
