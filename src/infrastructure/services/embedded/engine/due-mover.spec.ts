import { setTimeout as wait } from 'node:timers/promises';
import { waitUntil } from '../../../../../test/support/brokers/wait-until.js';
import { temporaryDirectory } from '../../../../../test/support/temporary-directory.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { MessagingError, NotKeptError } from '../../../../core/messaging/ports/errors.js';
import { EmbeddedDatabase } from '../database/embedded-database.js';
import { embeddedOptionsSchema } from '../embedded.options.js';
import { EmbeddedTransport } from '../embedded.transport.js';

const TOPIC = 'orders';
const DUE_MS = 300;
const FULL = new NotKeptError(new MessagingError('STORE_FULL', 'full'), 2_500);

const data = temporaryDirectory();
const opened: EmbeddedTransport[] = [];
afterEach(() => Promise.all(opened.splice(0).map((transport) => transport.close())));
afterAll(() => data.remove());

async function open(
  keepRefused: (refused: { message: { id: string } }) => Promise<void>,
): Promise<EmbeddedTransport> {
  const context = { name: 'main', clock: systemClock, onEvent: () => undefined, keepRefused };
  const transport = new EmbeddedTransport(embeddedOptionsSchema.parse({ directory: data.path }), context);
  opened.push(transport);
  await transport.connect();
  return transport;
}

async function publish(transport: EmbeddedTransport, id: string, delayMs: number): Promise<void> {
  const message = { id, headers: {}, body: Buffer.from(id) };
  const [outcome] = await transport.publish({ topic: TOPIC }, [message], { deadlineMs: 9_000, delayMs });
  expect(outcome).toMatchObject({ kind: 'accepted' });
}

/** Turns a bit in the bytes of every delayed message. */
async function damage(): Promise<void> {
  const tables = ['catalog', 'log', 'due'];
  const database = await EmbeddedDatabase.open({
    directory: data.path,
    tables,
    maxBytes: 1e9,
    onSuspect: () => undefined,
  });
  const due = database.rawTable('due');
  const records = [...due.getRange({})].map(({ key, value }) => ({ key, value: Buffer.from(value) }));
  for (const { value } of records) value[value.length - 1]! ^= 1;
  await database.commit({ write: () => records.forEach(({ key, value }) => due.put(key, value)) });
  await database.close();
}

it('a delayed message that cannot be read waits for the store of dead letters, and keeps no other from its time', async () => {
  const writer = await open(() => Promise.resolve());
  await publish(writer, 'bad', DUE_MS);
  await writer.close();
  await damage();

  const offered: number[] = [];
  const kept: string[] = [];
  let isFull = true;
  const transport = await open(({ message }) => {
    offered.push(performance.now());
    if (isFull) return Promise.reject(FULL);
    kept.push(message.id);
    return Promise.resolve();
  });
  const handled: string[] = [];
  await transport.consume({ topic: TOPIC, group: 'g', concurrency: 4, ordering: 'none' }, ({ message }) => {
    handled.push(message.id);
    return Promise.resolve({ kind: 'ack' });
  });
  await waitUntil('it is offered', async () => offered.length > 0);
  const startedAt = performance.now();
  for (let nth = 0; nth < 8; nth += 1) await publish(transport, `good-${nth}`, 50 * (nth + 1));
  await waitUntil('the others are handled', async () => handled.length >= 8);
  expect(performance.now() - startedAt).toBeLessThan(FULL.retryAfterMs);
  await wait(100);
  expect(offered).toHaveLength(1);
  isFull = false;
  await waitUntil('it is kept', async () => kept.length > 0);
  expect(offered[1]! - offered[0]!).toBeGreaterThanOrEqual(FULL.retryAfterMs - 100);
  expect([handled.sort(), kept]).toEqual([
    Array.from({ length: 8 }, (_, nth) => `good-${nth}`),
    [expect.stringMatching(/^Delayed record \d+ of "orders"$/)],
  ]);
});
