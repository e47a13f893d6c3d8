import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/core/messaging/index.js';
import type { Delivery, WireMessage } from '../../src/core/messaging/index.js';
import {
  EmbeddedDeadLetterStore,
  EmbeddedIdempotencyStore,
  embeddedOptionsSchema,
  EmbeddedTransport,
} from '../../src/exports/embedded.js';
import { spooledOptionsSchema, SpooledTransport } from '../../src/exports/failover.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { closeApps, memoryTransport } from '../support/messaging-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { checkLeftBehind } from './left-behind.js';
import { readSample, samplesOf } from './sample-files.js';
import { Placed, TRANSPORT } from './sample-messages.js';

let data: ReturnType<typeof temporaryDirectory>;
beforeEach(() => (data = temporaryDirectory()));
afterEach(async () => {
  await closeApps();
  data.remove();
});

describe.each(samplesOf('embedded'))('a directory that commit $commit has written', (sample) => {
  beforeEach(() => {
    for (const [name, content] of Object.entries(readSample(sample))) {
      const path = join(data.path, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, Buffer.from(content, 'base64'));
    }
  });

  it('gives each message once, with its attempt, order, history, letters and what was handled', async () => {
    await checkLeftBehind({
      transport: embedded('log', TRANSPORT),
      deadLetters: new EmbeddedDeadLetterStore({ directory: join(data.path, 'dead-letters') }),
      idempotency: new EmbeddedIdempotencyStore({ directory: join(data.path, 'idempotency') }),
    });
  });

  it('sends on what is in the spool, each lane in order, to where it was to go', async () => {
    const target = memoryTransport('broker');
    await target.connect();
    const got: Record<'billing' | 'stock', WireMessage[]> = { billing: [], stock: [] };
    for (const group of ['billing', 'stock'] as const) {
      const subscription = { topic: Placed.name, group, concurrency: 1, ordering: 'key' } as const;
      await target.consume(subscription, async ({ message }: Delivery) => {
        got[group].push(message);
        return { kind: 'ack' };
      });
    }
    const disk = embedded('spool', 'disk');
    const spooled = new SpooledTransport(
      { transport: target, spool: disk },
      spooledOptionsSchema.parse({}),
      contextOf(TRANSPORT),
    );
    await spooled.connect();
    try {
      await waitUntil('the spool is empty', async () => spooled.state().spool?.messages === 0, 15_000);
      await waitUntil('the last has arrived', async () => got.stock.length >= 8, 5_000);
      for (const message of [...got.billing, ...got.stock]) {
        expect(message.headers).toEqual({ tenant: 'acme' });
        expect(Buffer.from(message.body).toString()).toBe(message.id);
      }
      expect(namesOf(got.billing)).toEqual([...ANY, ...STRICT].sort());
      expect(namesOf(got.stock)).toEqual([...ANY, ...STRICT, 'any-stock -'].sort());
      for (const key of ['ann', 'bob']) {
        const ids = got.stock.filter((message) => message.key === key).map(({ id }) => id);
        expect(ids).toEqual([...ids].sort());
      }
      for (const topic of ['spool.main', 'spool-strict.main'])
        expect(await disk.backlog({ topic, group: 'drain' })).toMatchObject({
          ready: 0,
          inFlight: 0,
          delayed: 0,
        });
    } finally {
      await spooled.close();
    }
  });
});

const ANY = ['any-1 ann', 'any-2 ann', 'any-plain -', 'any-delayed -'];
const STRICT = ['strict-1 bob', 'strict-2 bob', 'strict-3 bob'];

const namesOf = (messages: readonly WireMessage[]) =>
  messages.map(({ id, key = '-' }) => `${id} ${key}`).sort();

function embedded(folder: string, name: string): EmbeddedTransport {
  const options = embeddedOptionsSchema.parse({ directory: join(data.path, folder) });
  return new EmbeddedTransport(options, contextOf(name));
}

function contextOf(name: string) {
  return { name, clock: systemClock, onEvent: () => undefined };
}
