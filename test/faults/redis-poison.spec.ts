/** One file because the rows and the generator write the same kinds of poison. */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  type MessagingEvent,
  type MessagingView,
  systemClock,
  TransportEventRelay,
} from '../../src/core/messaging/index.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { encodeCommand } from '../../src/infrastructure/services/redis/scripts/script-call.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil, waitWhileMoving } from '../support/brokers/wait-until.js';
import { MAX_BLOCK_MS, watchLoop } from '../support/loop-watch.js';
import { bootOperations, closeOperations, type OperationsApp } from '../support/operations-app.js';
import { poisonRandom } from '../support/poison-random.js';
import { seededRandom } from '../support/seeded-random.js';
import { report } from './measured.js';

/** Of the generator. */
const RUN_MS = Number(process.env['POISON_MS'] ?? 60_000);
/** Bytes that the generator writes as large values, because the dead letters of the test stay in this process. */
const MAX_LARGE_BYTES = 64 * 2 ** 20;
/** With all dead letters and what the broker's client buffers. */
const MAX_PEAK_BYTES = 700 * 2 ** 20;
const MIB = 2 ** 20;

const Sent = defineMessage('t', z.object({ n: z.number() }), { key: ({ n }) => `k${n % 3}` });
const topic = new TopicKeys('poison:', 't');
const plain = topic.group('plain');
const ordered = topic.group('ordered');

let server: RedisServer;
let handled: { readonly plain: Set<number>; readonly ordered: Set<number> };

/** Every third message needs a retry, so that the delayed sets are in use. */
@Injectable()
class Handlers {
  readonly #failed = new Set<string>();

  @MessageHandler(Sent, {
    group: 'plain',
    concurrency: 20,
    backoff: { type: 'fixed', delayMs: 50, jitter: false },
  })
  plain({ n }: { readonly n: number }): void {
    this.#handle('plain', n);
  }

  @MessageHandler(Sent, {
    group: 'ordered',
    ordering: 'key',
    concurrency: 20,
    backoff: { type: 'fixed', delayMs: 50, jitter: false },
  })
  ordered({ n }: { readonly n: number }): void {
    this.#handle('ordered', n);
  }

  #handle(group: 'plain' | 'ordered', n: number): void {
    const name = `${group} ${n}`;
    if (n % 3 === 0 && !this.#failed.has(name)) {
      this.#failed.add(name);
      throw new Error('once');
    }
    handled[group].add(n);
  }
}

beforeAll(async () => {
  server = await startRedis({ args: ['--appendonly', 'no', '--proto-max-bulk-len', '64mb'] });
}, 60_000);
afterAll(() => server.stop());
beforeEach(async () => {
  handled = { plain: new Set(), ordered: new Set() };
  await server.command('FLUSHALL');
});
afterEach(async () => {
  line?.end();
  await closeOperations();
});

let line: Line | undefined;

/** A client that adds as little as possible to the work of this process. */
class Line {
  readonly #socket: Socket;
  #reply = '';
  #replied: ((reply: string) => void) | undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true);
    this.#socket
      .on('error', () => undefined)
      .on('data', (data) => {
        this.#reply += data.toString('latin1');
        if (!/^([:+-].*|\$-1|\$\d+\r\n[^]*)\r\n$/.test(this.#reply)) return;
        const reply = this.#reply.replace(/^\$\d+\r\n/, '').trimEnd();
        this.#reply = '';
        this.#replied?.(reply);
      });
  }

  /** One at a time. */
  async send(...parts: (string | number | Buffer)[]): Promise<string> {
    const replied = new Promise<string>((resolve) => (this.#replied = resolve));
    this.#socket.write(encodeCommand(parts));
    const reply = await replied;
    if (reply.startsWith('-')) throw new Error(`${String(parts[0])}: ${reply}`);
    return reply;
  }

  end(): void {
    this.#socket.destroy();
  }
}

interface Running extends OperationsApp {
  readonly events: MessagingEvent[];
  readonly view: MessagingView;
  readonly redis: Line;
}

async function noProblemIsLeft({ view }: Running): Promise<void> {
  // Poison is large: that the store is nearly full of it is true.
  const left = (): string =>
    JSON.stringify(view.problems().filter(({ code }) => code !== 'dead_letters_near_limit'));
  await waitWhileMoving('no problem is left', async () => left() === '[]', left, 20_000);
}

async function boot(): Promise<Running> {
  const relay = new TransportEventRelay();
  const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: 'poison:' });
  const context = { name: 'fast', clock: systemClock, onEvent: relay.listenerFor('fast') };
  const events: MessagingEvent[] = [];
  const app = await bootOperations(
    { providers: [Handlers] },
    {
      transports: [new RedisTransport(options, { ...context, keepRefused: relay.keepRefused })],
      transportEvents: relay,
      observers: [{ on: (event) => events.push(event) }],
    },
  );
  line = new Line(server.port);
  return { ...app, events, view: app.app.get(MESSAGING_VIEW), redis: line };
}

const isInterrupted = ({ view }: Running): boolean =>
  view.subscriptions().some(({ state }) => state !== 'running');
const reportsOf = ({ events }: Running, code: string): number =>
  events.filter(
    (event) =>
      event.type === 'transport' && event.event.type === 'problem' && event.event.problem.code === code,
  ).length;

/** What poison ends as. */
interface Trace {
  /** One dead letter in each of these groups, which has the tag as its id or in its bytes, or the place of the entry as its id. */
  readonly deadLetter?: { readonly groups: readonly string[]; readonly tag: string; readonly entry?: string };
  /** A problem that is reported at least once. */
  readonly report?: string;
}

interface Source {
  readonly redis: Line;
  readonly below: (bound: number) => number;
  /** Unique, and part of what is written. */
  readonly tag: string;
  readonly bytes: (count: number) => Buffer;
}

type Kind = (source: Source) => Promise<Trace>;

const BOTH = ['plain', 'ordered'];
const inTopic = async ({ redis, tag }: Source, ...fields: (string | Buffer)[]): Promise<Trace> => {
  const id = await redis.send('XADD', topic.log, '*', ...fields);
  return { deadLetter: { groups: BOTH, tag, entry: `${topic.log}/${id}` } };
};
const inGroup = async ({ redis, tag }: Source, ...fields: (string | Buffer)[]): Promise<Trace> => {
  const id = await redis.send('XADD', plain.log, '*', ...fields);
  return { deadLetter: { groups: ['plain'], tag, entry: `${plain.log}/${id}` } };
};
const delayed = async (
  { redis, tag }: Source,
  isOfTopic: boolean,
  score: string | number,
  member: Buffer,
): Promise<Trace> => {
  await redis.send('ZADD', isOfTopic ? topic.delayed : plain.delayed, score, member);
  return { deadLetter: { groups: isOfTopic ? BOTH : ['plain'], tag } };
};
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const headersOf = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, nth) => [`h${nth}`, ''])));
const MANY_HEADERS = headersOf(60_000);
const SOME_HEADERS = headersOf(20_000);

/** Each kind of poison, by what it is. */
const KINDS: Readonly<Record<string, Kind>> = {
  'an entry with other fields': (source) =>
    inTopic(source, source.tag, source.bytes(1 + source.below(2_000))),
  'an entry with thousands of fields': (source) =>
    inTopic(
      source,
      ...Array.from({ length: 2_000 + 2 * source.below(6_000) }, (_, nth) => `${source.tag}${nth}`),
    ),
  'an entry with a huge value': (source) =>
    inTopic(source, source.tag, source.bytes(1 + source.below(5 * MIB))),
  'an entry with a huge id': (source) =>
    inTopic(
      source,
      'id',
      source.tag.repeat(14_000 + source.below(20_000)), // more than the 64 KiB of a name, which are taken
      'headers',
      '{}',
      'body',
      '{"n":1}',
    ),
  'an entry whose headers are no JSON': (source) =>
    inTopic(source, 'id', source.tag, 'headers', source.bytes(1 + source.below(MIB)), 'body', '{"n":1}'),
  'an entry whose headers are nested': (source) =>
    inTopic(source, 'id', source.tag, 'headers', nested(1 + source.below(100_000)), 'body', '{"n":1}'),
  'an entry with tens of thousands of headers': (source) =>
    inTopic(
      source,
      'id',
      source.tag,
      'headers',
      source.below(2) === 0 ? MANY_HEADERS : SOME_HEADERS,
      'body',
      '{"n":1}',
    ),
  'an entry whose body is nested': (source) =>
    inTopic(source, 'id', source.tag, 'headers', '{}', 'body', nested(1 + source.below(500_000))),
  'an entry of the group without a body': (source) =>
    inGroup(source, source.tag, source.bytes(source.below(2_000))),
  'an entry of the group with a strange attempt': (source) =>
    inGroup(
      source,
      'id',
      source.tag,
      'headers',
      '{',
      'body',
      source.tag,
      'attempt',
      ['inf', 'nan', '-1', '1e99'][source.below(4)]!,
    ),
  'a garbage member of the delayed set': (source) =>
    delayed(
      source,
      source.below(2) === 0,
      ['-inf', 0, 1, -1e300][source.below(4)]!,
      Buffer.concat([source.bytes(source.below(5_000)), Buffer.from(source.tag)]),
    ),
  'a member that claims millions of elements': (source) =>
    delayed(
      source,
      source.below(2) === 0,
      1,
      Buffer.concat([
        Buffer.from([0xdd, 0, 0xff, 0xff, 0xff]),
        Buffer.alloc(source.below(MIB), 0x90),
        Buffer.from(source.tag),
      ]),
    ),
  'a member that is nested': (source) =>
    delayed(
      source,
      source.below(2) === 0,
      1,
      Buffer.concat([Buffer.alloc(1 + source.below(200_000), 0x91), Buffer.from(source.tag)]),
    ),
  'a member that ends too early': (source) =>
    delayed(
      source,
      source.below(2) === 0,
      1,
      Buffer.concat([Buffer.from([0x96, 0xa1, 0x31, 0xdb, 0xff, 0xff, 0xff, 0xff]), Buffer.from(source.tag)]),
    ),
  'a member that is never due': async ({ redis, tag }) => {
    await redis.send('ZADD', plain.delayed, '+inf', tag);
    return {};
  },
  'members that wait for a key': async ({ redis, tag, below }) => {
    const member = [
      `2:k${below(3)}:${tag}`,
      tag,
      `2:k${below(3)}:${'9'.repeat(15)}1:${'9'.repeat(30)}-1`,
      `1:k:${tag}`,
    ][below(4)]!;
    await redis.send('ZADD', ordered.waiting, [0, 0, 5, -1e9, '-inf', '+inf'][below(6)]!, member);
    return { report: 'foreign_members_removed' };
  },
  'garbage locks': async ({ redis, tag, below }) => {
    await redis.send(
      'HSET',
      ordered.locks,
      `k${below(3)}-${tag}`,
      [tag, '', `${tag} 1:${'9'.repeat(30)}-9`, `${tag} 2:1-1`][below(4)]!,
    );
    return {};
  },
  'garbage consumers': async ({ redis, tag, below }) => {
    await redis.send(
      'ZADD',
      [plain, ordered][below(2)]!.consumers,
      ['-inf', '+inf', 0, 1e15, -5][below(5)]!,
      tag,
    );
    return {};
  },
  'garbage crash counts': async ({ redis, tag, below }) => {
    await redis.send(
      'HSET',
      [plain, ordered][below(2)]!.crashes,
      `${1 + below(2)}:${tag}`,
      ['inf', 'nan', tag, '-1', '1e300'][below(5)]!,
    );
    return {};
  },
  'garbage observations': async ({ redis, tag, below }) => {
    const field = [
      'at',
      'gap:1',
      'left:2',
      'until:1',
      'later:2',
      'held:1:x',
      `held:9:${tag}`,
      'free:k1',
      `free:${tag}`,
      tag,
    ][below(10)]!;
    await redis.send(
      'HSET',
      [plain, ordered][below(2)]!.observed,
      field,
      ['inf', 'nan', tag, '-1', '1e300', ''][below(6)]!,
    );
    return {};
  },
  'a key of another type': async ({ redis, below }) => {
    const key = [plain.crashes, plain.observed, topic.delayed, ordered.delayed][below(4)]!;
    const type = below(2) === 0 ? ['SETNX', key, 'foreign'] : ['SADD', key, 'foreign'];
    const isTaken = await redis.send(...(type as [string, ...string[]])).then(
      (reply) => reply === ':0',
      () => true,
    );
    if (isTaken) return {}; // it is in use, and its content would be lost
    await wait(1_500);
    await redis.send('DEL', key);
    return { report: 'keys_spoilt' };
  },
};

/** Bytes of one pool, because making them for each would be most of the work. */
function sourceOf(redis: Line, below: (bound: number) => number, tag: string): Source {
  return {
    redis,
    below,
    tag,
    bytes: (count) => POOL.subarray(0, count),
  };
}
const POOL = Buffer.concat(
  Array.from({ length: (6 * MIB) / 32 }, (_, nth) => createHash('sha256').update(String(nth)).digest()),
);

async function deadLettersOf({
  store,
}: Running): Promise<readonly { readonly group: string; readonly id: string; readonly ends: string }[]> {
  const found: { group: string; id: string; ends: string }[] = [];
  let after: string | undefined;
  do {
    const page = await store.list({}, { limit: 200, ...(after === undefined ? {} : { after }) });
    for (const { id } of page.items) {
      const whole = await store.find(id);
      if (!whole) continue;
      const { group, messageId, body } = whole;
      const ends = Buffer.concat([body.subarray(0, 200), SEPARATOR, body.subarray(-200)]).toString('latin1');
      found.push({ group, id: messageId, ends });
    }
    after = page.next;
  } while (after !== undefined);
  return found;
}

const SEPARATOR = Buffer.from(' ... ');

/** How many of the dead letters are those of this poison, by group. */
function countOf(
  { groups, tag, entry }: NonNullable<Trace['deadLetter']>,
  deadLetters: Awaited<ReturnType<typeof deadLettersOf>>,
): number[] {
  const own = deadLetters.filter(({ id, ends }) => id === entry || id === tag || ends.includes(tag));
  return groups.map((group) => own.filter((deadLetter) => deadLetter.group === group).length);
}

describe('poison costs itself only:', () => {
  it.each(Object.entries(KINDS))(
    '%s ends as one dead letter or is reported, and its neighbours are handled',
    async (_, write) => {
      const running = await boot();
      const below = seededRandom(1);
      const traces: Trace[] = [];
      for (let n = 0; n < 30; n++) {
        await running.messaging.publish(Sent, { n });
        if (n % 6 === 5) traces.push(await write(sourceOf(running.redis, below, `<1-${n}>`)));
      }
      const all = Array.from({ length: 30 }, (__, n) => n);
      await waitUntil(
        'the neighbours are handled',
        async () => all.every((n) => handled.plain.has(n) && handled.ordered.has(n)),
        20_000,
      );
      for (const { deadLetter, report } of traces) {
        if (deadLetter)
          await waitUntil(
            `the dead letter of ${JSON.stringify(deadLetter).slice(0, 200)}`,
            async () => countOf(deadLetter, await deadLettersOf(running)).every((count) => count === 1),
            20_000,
          );
        if (report)
          await waitUntil(`${report} is reported`, async () => reportsOf(running, report) > 0, 20_000);
      }
      await waitUntil('no subscription is interrupted', async () => !isInterrupted(running), 20_000);
      await noProblemIsLeft(running);
    },
    90_000,
  );
});

it(
  'random poison of all kinds for a minute costs itself only, and blocks nothing',
  async () => {
    const running = await boot();
    const { below } = poisonRandom('redis');
    const names = Object.keys(KINDS);
    const traces: { readonly name: string; readonly trace: Trace }[] = [];
    let largeBytes = 0;
    let interruptions = 0;
    let n = 0;
    const ended = watchLoop();
    for (const until = performance.now() + RUN_MS; performance.now() < until;) {
      for (let count = below(5); count >= 0; count--) await running.messaging.publish(Sent, { n: n++ });
      const name = names[below(names.length)]!;
      const isLarge = /huge|thousands|nested|millions/.test(name);
      if (isLarge && largeBytes > MAX_LARGE_BYTES) continue;
      const before = running.redis;
      const source = sourceOf(before, below, `<p-${traces.length}>`);
      const bytes = (count: number): Buffer => {
        const allowed = largeBytes > MAX_LARGE_BYTES ? Math.min(count, 1_024) : count;
        largeBytes += allowed;
        return source.bytes(allowed);
      };
      const counted = { ...source, bytes };
      traces.push({ name, trace: await KINDS[name]!(counted) });
      if (running.view.problems().some(({ code }) => code === 'consumer_interrupted')) interruptions += 1;
      await wait(below(20));
    }
    // Before the waits below, which measure the speed of the machine by keeping it busy.
    await wait(1_000);
    const figures = ended();
    const all = Array.from({ length: n }, (_, nth) => nth);
    await waitWhileMoving(
      'every good message is handled',
      async () => all.every((nth) => handled.plain.has(nth) && handled.ordered.has(nth)),
      () => handled.plain.size + handled.ordered.size,
      20_000,
    );
    const wanted = traces.filter(({ trace }) => trace.deadLetter);
    let letters = await deadLettersOf(running);
    const without = () =>
      wanted.filter(({ trace }) => countOf(trace.deadLetter!, letters).some((count) => count === 0));
    await waitWhileMoving(
      'each has its dead letter',
      async () => {
        letters = await deadLettersOf(running);
        return without().length === 0;
      },
      () => letters.length,
      20_000,
    ).catch(() => undefined); // the next line says which have none
    expect(without()).toEqual([]);
    const several = wanted.filter(({ trace }) =>
      countOf(trace.deadLetter!, letters).some((count) => count !== 1),
    );
    expect(several).toEqual([]);
    for (const report of ['foreign_members_removed', 'keys_spoilt'])
      if (traces.some(({ trace }) => trace.report === report))
        expect(reportsOf(running, report)).toBeGreaterThan(0);
    expect(interruptions).toBe(0);
    expect(isInterrupted(running)).toBe(false);
    await noProblemIsLeft(running);
    report('redis', `${n} messages, ${traces.length} poison, ${JSON.stringify(figures)}`);
    expect(figures.longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
    expect(figures.peakBytes).toBeLessThan(MAX_PEAK_BYTES);
  },
  RUN_MS + 180_000,
);
