import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageContext, MessageHandler } from '../../src/core/messaging/index.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { MAX_BLOCK_MS, watchLoop } from '../support/loop-watch.js';
import { closeOperations } from '../support/operations-app.js';
import { type PoisonRandom, poisonRandom } from '../support/poison-random.js';
import { report } from './measured.js';
import { bootRabbitmq, type RabbitmqApp } from './rabbitmq-app.js';
import { asSomebodyElse } from './rabbitmq-bench.js';
import { field, long, nested, type RawMessage, Stranger } from './rabbitmq-stranger.js';

/** A foreign program writes what nobody can read: it costs itself only. */
let server: RabbitmqCluster;
let stranger: Stranger;

beforeAll(async () => {
  server = await startRabbitmq();
  stranger = new Stranger(server);
}, 120_000);
afterAll(async () => {
  await stranger.close();
  await server.stop();
});
afterEach(closeOperations);

const Order = defineMessage('t', z.object({ id: z.string() }));

@Injectable()
class Orders {
  static readonly handled = new Map<string, number>();

  @MessageHandler(Order, { group: 'g', concurrency: 16 })
  on(_: unknown, { messageId }: MessageContext): void {
    Orders.handled.set(messageId, (Orders.handled.get(messageId) ?? 0) + 1);
  }
}
beforeEach(() => Orders.handled.clear());

const GOOD = Buffer.from('{"id":"x"}');
const GARBAGE = Buffer.from('no json');
const text = (value: string | Buffer): Buffer => long(value);
const good = (queue: string, id: string): Promise<boolean> =>
  stranger.put({ queue, id: Buffer.from(id), contentType: 'application/json', body: GOOD });

async function lettersOf({ store }: RabbitmqApp) {
  const letters = [];
  let after: string | undefined;
  do {
    const page = await store.list({}, { limit: 200, ...(after === undefined ? {} : { after }) });
    letters.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return letters;
}

const disconnects = ({ events }: RabbitmqApp): number =>
  events.filter((event) => event.type === 'transport' && event.event.type === 'disconnected').length;

/** So many fields without a value, with names of four digits. Made at once, because the event loop is watched. */
const many = (count: number): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, index) => `\u0004${String(index % 10_000).padStart(4, '0')}V`).join(''),
  );

describe('a message whose headers cannot be read', () => {
  const TABLES: Record<string, readonly [table: Buffer, why: string]> = {
    'nested thousands deep': [nested(4_500, 'F'), 'nested more than 16 deep'],
    'with lists nested thousands deep': [nested(20_000, 'A'), 'nested more than 16 deep'],
    'with tens of thousands of fields': [many(20_000), 'more than 4096 fields'],
  };

  it.each(Object.entries(TABLES))(
    'becomes one dead letter, and its neighbours are handled: %s',
    async (_, [table, why]) => {
      const app = await bootRabbitmq({ urls: server.urls, namePrefix: 'one.' }, { providers: [Orders] });
      await good('one.t/g', 'before');
      expect(await stranger.put({ queue: 'one.t/g', table, id: Buffer.from('poison'), body: GOOD })).toBe(
        true,
      );
      await good('one.t/g', 'after');
      await waitUntil('it is a dead letter', async () => (await lettersOf(app)).length === 1);
      await waitUntil('both are handled', async () => Orders.handled.size === 2);
      const [letter] = await lettersOf(app);
      expect(letter).toMatchObject({
        messageId: 'poison',
        reason: 'deserialization_failed',
        topic: 't',
        group: 'g',
      });
      expect(letter?.error.message).toContain(`"one.t/g" cannot be read: ${why}`);
      expect(Buffer.from((await app.store.find(letter!.id))!.body)).toEqual(GOOD);
      await wait(1_000);
      expect([await lettersOf(app), disconnects(app)]).toEqual([[letter], 0]);
      expect((await app.seen()).states).toEqual(['running']);
      await asSomebodyElse(server, (channel) => channel.purgeQueue('one.t/g'));
    },
    60_000,
  );

  it('becomes a dead letter wherever it is: held, delayed, or behind a policy', async () => {
    const prefix = 'where.';
    const table = nested(4_500, 'F');
    const first = await bootRabbitmq({ urls: server.urls, namePrefix: prefix }, { providers: [Orders] });
    const delayed = { deadlineMs: 5_000, delayMs: 64 };
    await first.transport.publish(
      { topic: 't', group: 'g' },
      [{ id: 'd', headers: {}, body: GOOD }],
      delayed,
    );
    await first.transport.publish({ topic: 'held' }, [{ id: 'h', headers: {}, body: GOOD }], {
      deadlineMs: 5_000,
    });
    await waitUntil('the delay queue is there', async () => Orders.handled.has('d'));
    const due = Buffer.concat([
      field('x-swy-topic', 'S', text('t')),
      field('x-swy-group', 'S', text('g')),
      field('x-swy-due-at', 'l', Buffer.alloc(8)),
      field('x-swy-delay-ms', 'l', Buffer.alloc(8)),
      table,
    ]);
    await stranger.put({
      queue: `${prefix}t/g/~wait.64`,
      table: due,
      id: Buffer.from('delayed'),
      body: GOOD,
    });
    await stranger.put({
      queue: `${prefix}t/g`,
      table,
      expiration: '1',
      id: Buffer.from('expired'),
      body: GOOD,
    });
    await stranger.put({ queue: `${prefix}~due`, table, id: Buffer.from('foreign'), body: GOOD });
    const grown = field('bytes', 'x', long(Buffer.alloc(60_000))); // as text, too much for the client to encode
    await stranger.put({ queue: `${prefix}~due`, table: grown, id: Buffer.from('grown'), body: GOOD });
    await waitUntil('two are dead letters', async () => (await lettersOf(first)).length >= 2);
    expect((await lettersOf(first)).map(({ messageId }) => messageId).sort()).toEqual(['delayed', 'expired']);
    await waitUntil(
      'the foreign ones are kept',
      async () => (await first.transport.kept())[0]?.messages === 2,
    );
    expect(await first.transport.release(`${prefix}~unroutable`, { topic: 't', group: 'g' })).toBe(2);
    await waitUntil('they are dead letters, too', async () => (await lettersOf(first)).length === 4);
    await stranger.put({ queue: `${prefix}held/~held`, table, id: Buffer.from('held'), body: GOOD });

    const Held = defineMessage('held', z.object({ id: z.string() }));
    @Injectable()
    class HeldOrders {
      @MessageHandler(Held, { group: 'g' })
      on(_: unknown, { messageId }: MessageContext): void {
        Orders.handled.set(messageId, 1);
      }
    }
    const second = await bootRabbitmq({ urls: server.urls, namePrefix: prefix }, { providers: [HeldOrders] });
    await waitUntil('its neighbour is handled', async () => Orders.handled.has('h'));
    await waitUntil('what was held is a dead letter', async () => (await lettersOf(second)).length === 1);
    expect(disconnects(first) + disconnects(second)).toBe(0);
  }, 90_000);
});

/** A kind of poison: what it is, and whether the group gets it or the queue of due messages. */
type Kind = (random: PoisonRandom) => Omit<RawMessage, 'id'>;

const MAX_TABLE = 110_000;
const OWN = [
  'x-swy-attempt',
  'x-swy-key',
  'x-swy-due-at',
  'x-swy-delay-ms',
  'x-swy-topic',
  'x-swy-group',
  'x-swy-removed',
];
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const deep = ({ oneOf, size }: PoisonRandom): Buffer => {
  const type = oneOf(['F', 'A'] as const);
  return nested(17 + size(type === 'F' ? 18_000 : 21_000), type);
};
const strangeValue = (random: PoisonRandom): Buffer =>
  random.oneOf([
    () => Buffer.concat([Buffer.from('S'), text(random.bytes(random.size(5_000)))]),
    () => Buffer.concat([Buffer.from('x'), text(random.bytes(random.size(5_000)))]),
    () => Buffer.concat([Buffer.from('l'), int64(-1n)]),
    () => Buffer.concat([Buffer.from('d'), random.bytes(8).fill(0, 0, 1)]),
    () => Buffer.from('V'),
    () => Buffer.concat([Buffer.from('F'), text(nested(random.size(2_000), 'F'))]),
    () => Buffer.concat([Buffer.from('A'), text(Buffer.from('VVVV'))]),
  ])();
const strange = (name: string | Buffer, random: PoisonRandom): Buffer =>
  Buffer.concat([Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), strangeValue(random)]);

const KINDS: Record<string, Kind> = {
  'nested headers': (random) => ({ table: deep(random), body: GOOD }),
  'nested headers with garbage': (random) => ({
    table: deep(random),
    body: random.bytes(random.size(50_000)),
  }),
  'many headers': (random) => ({ table: many(4_097 + random.size(15_000)), body: GOOD }),
  'headers of ours with other types': (random) => ({
    table: Buffer.concat(OWN.map((name) => strange(name, random))),
    body: GARBAGE,
  }),
  'a huge x-death': (random) => ({
    table: field(
      'x-death',
      'A',
      text(
        Buffer.concat([
          Buffer.from('F'),
          text(field('queue', 'S', text('q'.repeat(1 + random.size(MAX_TABLE))))),
        ]),
      ),
    ),
    body: GARBAGE,
  }),
  'an x-death that is none': (random) => ({ table: strange('x-death', random), body: GARBAGE }),
  'names that are no text': (random) => ({
    table: Buffer.concat(
      Array.from({ length: 20 }, () => strange(random.bytes(1 + random.size(250)), random)),
    ),
    body: GARBAGE,
  }),
  'bytes that grow as text': (random) => ({
    table: field('bytes', 'x', text(random.bytes(50_000 + random.size(60_000)))),
    body: GARBAGE,
  }),
  'a body that is no JSON': (random) => ({
    contentType: 'application/json',
    body: random.bytes(random.size(2 ** 20)),
  }),
  'a body nested deep': (random) => {
    const levels = 1 + random.size(200_000);
    return { body: Buffer.from('['.repeat(levels) + ']'.repeat(levels)) };
  },
  'another encoding': () => ({
    contentType: 'application/json',
    contentEncoding: 'gzip',
    body: gzipSync(GOOD),
  }),
  'another type': () => ({
    contentType: 'application/x-java-serialized-object',
    body: Buffer.from([0xac, 0xed, 0, 5]),
  }),
  'no properties': () => ({ body: GARBAGE }),
  'an empty body': () => ({ body: Buffer.alloc(0) }),
  'an odd priority': (random) => ({ priority: random.below(256), body: GARBAGE }),
  'an expiration': (random) => ({ expiration: String(random.size(1_000)), body: GARBAGE }),
  'an expiration that is no number': () => ({ expiration: 'soon', body: GARBAGE }),
};

it('poison of every kind and size costs itself only', async () => {
  const seconds = Number(process.env['POISON_SECONDS'] ?? 60);
  const random = poisonRandom('rabbitmq, poison');
  const prefix = 'random.';
  const queue = `${prefix}t/g`;
  const app = await bootRabbitmq({ urls: server.urls, namePrefix: prefix }, { providers: [Orders] });
  const [put, refused] = [new Map<string, string>(), new Map<string, number>()];
  let [strays, goods] = [0, 0];
  const stop = watchLoop();
  const until = performance.now() + seconds * 1_000;
  for (let index = 0; performance.now() < until; index += 1) {
    const name = random.oneOf(Object.keys(KINDS));
    const toDue = random.below(8) === 0;
    const id = Buffer.concat([
      Buffer.from(`${index}-`),
      random.oneOf([Buffer.alloc(0), Buffer.from([0xff, 0x80])]),
    ]);
    const to = toDue ? { queue: `${prefix}~due` } : random.oneOf([{ queue }, { exchange: `${prefix}t` }]);
    const isPut = await stranger.put({ ...KINDS[name]!(random), ...to, id });
    if (!isPut) refused.set(name, (refused.get(name) ?? 0) + 1);
    else if (toDue) strays += 1;
    else put.set(id.toString(), name);
    if (await good(queue, `good-${index}`)) goods += 1;
  }
  const isComplete = async (): Promise<boolean> =>
    (await app.store.count({})) >= put.size && Orders.handled.size >= goods;
  await waitUntil('all is handled or a dead letter', isComplete).catch(async (cause: unknown) => {
    const parked = new Set((await lettersOf(app)).map(({ messageId }) => messageId));
    const missing = [...put].filter(([id]) => !parked.has(id)).map(([id, name]) => `${id} ${name}`);
    throw new Error(`${goods - Orders.handled.size} good ones and ${missing.join(', ')} are missing.`, {
      cause,
    });
  });
  const { longestBlockMs, peakBytes } = stop();
  report(
    'rabbitmq, poison',
    `${put.size} dead letters, ${strays} kept, ${goods} handled, refused by the broker: ${JSON.stringify(Object.fromEntries(refused))}, longest block ${Math.round(longestBlockMs)} ms, peak ${Math.round(peakBytes / 2 ** 20)} MiB`,
  );
  const letters = await lettersOf(app);
  expect(letters.map(({ messageId }) => messageId).sort()).toEqual([...put.keys()].sort());
  expect([...Orders.handled.keys()].filter((id) => !id.startsWith('good-'))).toEqual([]);
  const kept = async (): Promise<number> =>
    (await app.transport.kept()).reduce((sum, { messages }) => sum + messages, 0);
  await waitUntil('all strays are kept', async () => (await kept()) === strays);
  expect([disconnects(app), (await app.seen()).states]).toEqual([0, ['running']]);
  expect(app.reported('unroutable_messages')).toHaveLength(strays > 0 ? 1 : 0);
  expect(longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
  expect(peakBytes).toBeLessThan(600 * 2 ** 20);
}, 180_000);
