import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type {
  Transport,
  TransportContext,
  TransportEvent,
} from '../../src/core/messaging/ports/transport.js';
import * as current from '../../src/exports/embedded.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { raised } from './raised.js';

const TOPIC = 'orders';
const KEYS = 4;
const PER_KEY = 10;
const DEADLINE_MS = 20_000;

const data = temporaryDirectory();
const opened: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));
afterAll(() => data.remove());

type Version = typeof current;

function open(version: Version, directory: string, events: TransportEvent[] = []): Transport {
  const context: TransportContext = {
    name: 'main',
    clock: systemClock,
    onEvent: (event) => events.push(event),
  };
  const options = version.embeddedOptionsSchema.parse({ directory });
  const transport = new version.EmbeddedTransport(options, context);
  opened.push(transport);
  return transport;
}

/** Besides the lock, which an attempt to open takes and gives back. */
const filesOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory)
      .filter((name) => name !== 'switchyard.lock')
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(directory, name)))
          .digest('hex'),
      ]),
  );

async function publish(transport: Transport, prefix: string, delayMs = 0): Promise<string[]> {
  const messages = Array.from({ length: KEYS * PER_KEY }, (_, nth) => ({
    id: `${prefix}-${nth}`,
    key: `k${nth % KEYS}`,
    headers: {},
    body: Buffer.from('{}'),
  }));
  const outcomes = await transport.publish({ topic: TOPIC }, messages, { deadlineMs: DEADLINE_MS, delayMs });
  expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
  return messages.map(({ id }) => id);
}

async function handled(transport: Transport, count: number): Promise<string[]> {
  const ids: string[] = [];
  const subscription = { topic: TOPIC, group: 'g', ordering: 'key', concurrency: 8 } as const;
  await transport.consume(subscription, async ({ message }) => {
    ids.push(message.id);
    return { kind: 'ack' };
  });
  await waitUntil('everything is handled', async () => ids.length >= count, 30_000);
  return ids;
}

/** Those of each key, in the order in which they come. */
function byKey(ids: readonly string[], prefix: string): string[][] {
  const own = ids.filter((id) => id.startsWith(`${prefix}-`)).map((id) => Number(id.split('-')[1]));
  return Array.from({ length: KEYS }, (_, key) => own.filter((nth) => nth % KEYS === key).map(String));
}

describe('two versions on one directory', () => {
  it('the older one refuses what the newer has written and changes nothing, and the newer one has all of it', async () => {
    const newer = await raised<Version>(() => import('../../src/exports/embedded.js'));
    const directory = join(data.path, 'log');
    const first = open(current, directory);
    await first.connect();
    const subscription = { topic: TOPIC, group: 'g', ordering: 'key', concurrency: 1 } as const;
    await (await first.consume(subscription, () => new Promise(() => undefined))).stop();
    const ofOlder = await publish(first, 'older');

    // While one has the directory, the other does not get it, whichever it is.
    await expect(open(newer, directory).connect()).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
    await first.close();
    const second = open(newer, directory);
    await second.connect();
    await expect(open(current, directory).connect()).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
    const ofNewer = [...(await publish(second, 'newer')), ...(await publish(second, 'later', 300))];
    await second.close();

    const before = filesOf(directory);
    for (const _ of [1, 2])
      await expect(open(current, directory).connect()).rejects.toMatchObject({
        code: 'FORMAT_UNSUPPORTED',
        message: expect.stringMatching(
          /has format \d+, and this release .* reads formats up to \d+/,
        ) as string,
      });
    expect(filesOf(directory)).toEqual(before);

    const third = open(newer, directory);
    await third.connect();
    const all = [...ofOlder, ...ofNewer];
    const ids = await handled(third, all.length);
    expect([...ids].sort()).toEqual([...all].sort());
    for (const prefix of ['older', 'newer']) expect(byKey(ids, prefix)).toEqual(byKey(all, prefix));
  }, 120_000);

  it.each(['EmbeddedDeadLetterStore', 'EmbeddedIdempotencyStore'] as const)(
    'the older %s opens nothing of the newer',
    async (store) => {
      const newer = await raised<Version>(() => import('../../src/exports/embedded.js'));
      const directory = join(data.path, store);
      const use = (version: Version): Promise<unknown> => {
        const made = new version[store]({ directory });
        opened.push(made);
        return made.connect();
      };
      await use(newer);
      await opened.pop()?.close();
      const before = filesOf(directory);
      await expect(use(current)).rejects.toMatchObject({ code: 'FORMAT_UNSUPPORTED' });
      expect(filesOf(directory)).toEqual(before);
      await opened.pop()?.close();
      await use(newer);
    },
  );
});
