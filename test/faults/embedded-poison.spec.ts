import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport, WireMessage } from '../../src/core/messaging/ports/transport.js';
import { TransportEventRelay } from '../../src/core/messaging/observing/transport-event-relay.js';
import { EmbeddedDatabase } from '../../src/infrastructure/services/embedded/database/embedded-database.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';
import { MAX_BLOCK_MS, watchLoop } from '../support/loop-watch.js';
import { poisonRandom, type PoisonRandom } from '../support/poison-random.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { waitUntil } from '../support/brokers/wait-until.js';

const MB = 1_000_000;
const BODY = 4 * 2 ** 20;
/** Far more than what is in flight at a time, and far less than what all poison expands to. */
const MAX_GROWTH = 400 * MB;
const POISONS = 60;
const WRITING_MS = 8_000;
const TOPIC = 'orders.placed';

const Placed = defineMessage(TOPIC, z.object({ id: z.string() }));

@Injectable()
class Orders {
  static readonly handled: string[] = [];

  @MessageHandler(Placed, { group: 'billing', concurrency: 4 })
  on({ id }: { readonly id: string }): void {
    Orders.handled.push(id);
  }
}

const data = temporaryDirectory();
afterEach(closeApps);
afterAll(() => data.remove());

const repeated = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length));

/** Bodies that no handler may get, and that are far larger, deeper or costlier than they look. */
const BODIES: readonly ((size: number, random: PoisonRandom) => string | Buffer)[] = [
  (size) => repeated('[', size),
  (size) => repeated('{"a":', size),
  (size) => `{${Array.from({ length: Math.ceil(size / 9) }, (_, nth) => `"${nth.toString(36)}":0`).join()}}`,
  (size) => `[${repeated('{},', size)}{}]`,
  (size) => `{"id":${repeated('1', size)}}`,
  (size) => `{"id":"x","__proto__":{"admin":${repeated('1', Math.min(size, 1_000))}}}`,
  (size) => `{"id":"x","\\u005f_proto__":"${repeated('\\u0041', size)}"}`,
  (size) => `{"constructor":{"prototype":"${repeated('x', size)}"}}`,
  (size, random) => random.bytes(size),
  () => '',
];

const HEADERS: readonly ((size: number) => Record<string, string>)[] = [
  (size) => Object.fromEntries(Array.from({ length: 200 + (size % 5_000) }, (_, nth) => [`h${nth}`, 'x'])),
  (size) => ({ large: repeated('x', 40_000 + (size % 500_000)) }),
  () => ({ ['__proto__']: 'x', 'content-type': 'application/x-poison' }),
];

function poison(id: string, random: PoisonRandom): WireMessage {
  const size = 1_000 + random.size(BODY - 2_000);
  const isInHeaders = random.below(4) === 0;
  const headers = isInHeaders ? random.oneOf(HEADERS)(size) : {};
  const body = isInHeaders ? '{"id":"x"}' : random.oneOf(BODIES)(size, random);
  return { id, headers, body: bodyOf(body) };
}

/** As much as a body may have, so that what it holds decides. */
function bodyOf(content: string | Buffer): Buffer {
  return Buffer.from(content).subarray(0, BODY);
}

const good = (id: string): WireMessage => ({ id, headers: {}, body: Buffer.from(JSON.stringify({ id })) });

async function accepted(transport: Transport, messages: readonly WireMessage[], delayMs = 0): Promise<void> {
  const outcomes = await transport.publish({ topic: TOPIC }, messages, { deadlineMs: 20_000, delayMs });
  for (const outcome of outcomes) if (outcome.kind !== 'accepted') throw outcome.error;
}

function embedded(directory: string, relay = new TransportEventRelay()): EmbeddedTransport {
  return new EmbeddedTransport(embeddedOptionsSchema.parse({ directory, maxMessageBytes: 8 * MB }), {
    name: 'main',
    clock: systemClock,
    onEvent: relay.listenerFor('main'),
    keepRefused: relay.keepRefused,
  });
}

beforeEach(() => Orders.handled.splice(0));

describe.each([
  ['embedded', () => embedded(join(data.path, 'written'))],
  ['memory', () => memoryTransport('main', { maxMessageBytes: 8 * MB })],
] as const)('poison that is published to the transport %s', (name, create) => {
  it('ends as one dead letter each, and costs its neighbours nothing', async () => {
    const random = poisonRandom(`poison, ${name}`);
    const transport = create();
    const { deadLetters } = await bootApp({ providers: [Orders] }, { transports: [transport] });
    // Before the watch begins: making poison takes longer than refusing it.
    const largest = BODIES.map((body) => ({ ...good(''), body: bodyOf(body(BODY - 2_000, random)) }));
    const pool = [...largest, ...Array.from({ length: POISONS }, () => poison('', random))];
    const before = process.memoryUsage();
    const end = watchLoop();
    const [sound, bad]: [string[], string[]] = [[], []];
    for (const until = performance.now() + WRITING_MS; performance.now() < until;) {
      const round = `${sound.length}`;
      sound.push(`good ${round}`);
      bad.push(`bad ${round}`);
      const made = { ...(pool[bad.length - 1] ?? random.oneOf(pool)), id: `bad ${round}` };
      await accepted(transport, [good(`good ${round}`), made], random.oneOf([0, 0, 20]));
      await waitUntil('it is gone', async () => Orders.handled.length >= sound.length);
    }
    await waitUntil('every poison is parked', async () => (await deadLetters.count({})) >= bad.length);
    const { longestBlockMs, peakBytes } = end();
    const { items } = await deadLetters.list({}, { limit: 10_000 });
    expect(items.map(({ messageId }) => messageId).sort()).toEqual([...bad].sort());
    expect([...new Set(Orders.handled)].sort()).toEqual([...sound].sort());
    expect(longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
    const kept = bad.length * (BODY / 4); // the memory store keeps what it parks
    expect(peakBytes - before.heapUsed - before.external).toBeLessThan(MAX_GROWTH + kept);
  }, 120_000);
});

describe('records of an embedded log that cannot be read', () => {
  const directory = join(data.path, 'damaged');
  const RECORDS = 200;
  /** Long enough for all to wait still when they are damaged: those that become due together share a record. */
  const DELAY_MS = 20_000;

  /** Damages records of the log at random, as a bad disk or another program does. Returns how many. */
  async function damage(random: PoisonRandom): Promise<number> {
    const tables = ['catalog', 'log', 'due'];
    const options = { directory, tables, maxBytes: 1_000 * MB, onSuspect: () => undefined };
    const database = await EmbeddedDatabase.open(options);
    let count = 0;
    await database.commit({
      write: () => {
        for (const name of ['log', 'due']) {
          const table = database.rawTable(name);
          for (const { key, value } of [...table.getRange({})].map((one) => ({ ...one }))) {
            if (random.below(3) !== 0) continue;
            const changes = [
              random.bytes(random.size(100_000)),
              value.subarray(0, random.below(value.length)),
              Buffer.alloc(random.size(1_000)),
            ];
            table.put(key, random.oneOf(changes));
            count += 1;
          }
        }
      },
    });
    await database.close();
    return count;
  }

  it('end as one dead letter each, with their place, and the others are handled', async () => {
    const random = poisonRandom('poison, records');
    const writer = embedded(directory);
    await writer.connect();
    await (
      await writer.consume(
        { topic: TOPIC, group: 'billing', concurrency: 1, ordering: 'none' },
        () => new Promise(() => undefined),
      )
    ).stop();
    for (let nth = 0; nth < RECORDS; nth += 1)
      await accepted(writer, [good(`${nth}`)], nth < RECORDS / 2 ? 0 : DELAY_MS);
    await writer.close();
    const damaged = await damage(random);
    const relay = new TransportEventRelay();
    const { deadLetters } = await bootApp(
      { providers: [Orders] },
      { transports: [embedded(directory, relay)], transportEvents: relay },
    );
    const end = watchLoop(); // from here on: the boot loads and compiles modules in one turn
    await waitUntil('all is handled or parked', async () => {
      return Orders.handled.length + (await deadLetters.count({})) >= RECORDS;
    });
    const { items } = await deadLetters.list({}, { limit: 1_000 });
    expect(items).toHaveLength(damaged);
    expect(new Set(items.map(({ messageId }) => messageId)).size).toBe(damaged);
    for (const { reason, error } of items) {
      expect(reason).toBe('corrupt');
      expect(error.message).toMatch(
        /^(R|Delayed r)ecord \d+ (of|for a group of) "orders\.placed" cannot be read/,
      );
    }
    expect(Orders.handled).toHaveLength(RECORDS - damaged);
    expect(end().longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
  }, 120_000);
});
