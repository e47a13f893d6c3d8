import { spawn } from 'node:child_process';
import * as path from 'node:path';
import type { DeadLetterStore } from '../../src/core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../src/core/messaging/ports/idempotency-store.js';
import type { Delivery, Transport } from '../../src/core/messaging/ports/transport.js';
import { waitWhileMoving } from '../support/brokers/wait-until.js';
import { earlierBuild, itFromEarlier } from './earlier-build.js';

export interface Takeover {
  readonly kind: 'redis' | 'rabbitmq' | 'kafka' | 'embedded';
  /** Options of the transport, for both versions. */
  readonly options: () => object;
  /** Options of the stores, where they are on the same server or in the same directory. */
  readonly stores?: () => object;
  /** Of this version, not connected. */
  readonly open: (options: object) => Transport;
  readonly openStores?: (options: object) => {
    readonly deadLetters: DeadLetterStore;
    readonly idempotency: IdempotencyStore;
  };
  /** Checks what only this kind leaves behind. */
  readonly further?: (options: object) => Promise<void>;
}

const WRITE_MS = 180_000;
const KEYED = ['a', 'b'].flatMap((key) => [0, 1, 2, 3, 4].map((nth) => `keyed-${key}-${nth}`));

/** What the commit before the numbers has left behind is taken over by this version. */
export function describeTakeover({ kind, options, stores, open, openStores, further }: Takeover): void {
  const takeover = itFromEarlier();
  takeover(
    'everything that the version before the numbers has left behind is handled, in order, and its dead letters are there',
    async () => {
      const [used, usedStores] = [options(), stores?.()];
      await leave({ kind, options: used, stores: usedStores });
      const transport = open(used);
      await transport.connect();
      const seen: Delivery[] = [];
      for (const [topic, ordering] of [
        ['retried', 'none'],
        ['later', 'none'],
        ['keyed', 'key'],
      ] as const)
        await transport.consume({ topic, group: 'g', ordering, concurrency: 4 }, async (delivery) => {
          seen.push(delivery);
          return { kind: 'ack' };
        });
      const ids = (): string[] => [...new Set(seen.map(({ message }) => message.id))].sort();
      const wanted = [
        ...KEYED,
        'later-0',
        'later-1',
        'later-2',
        'retried-0',
        'retried-1',
        'retried-2',
      ].sort();
      await waitWhileMoving(
        'everything is handled',
        async () => wanted.every((id) => ids().includes(id)),
        () => seen.length,
        60_000,
      ).catch(() => undefined); // what is missing is shown below
      expect(ids()).toEqual(wanted);
      for (const { message } of seen) {
        expect(message.headers).toMatchObject({ tenant: 'acme' });
        expect(Buffer.from(message.body).toString()).toBe(`{"id":"${message.id}"}`);
      }
      for (const key of ['a', 'b']) {
        const ofKey = seen.flatMap(({ message }) => (message.key === key ? [message.id] : []));
        expect([...new Set(ofKey)]).toEqual(KEYED.filter((id) => id.startsWith(`keyed-${key}`)));
      }
      expect(seen.filter(({ unacceptable }) => unacceptable)).toEqual([]);
      const retried = seen.filter(({ message }) => message.id.startsWith('retried'));
      expect(retried.every(({ attempt }) => attempt >= 2)).toBe(true);
      await transport.close();
      if (usedStores && openStores) await checkStores(openStores(usedStores));
      await further?.(used);
    },
    900_000,
  );
}

/** Has the earlier version leave its messages behind, and kills it. */
async function leave(task: object): Promise<void> {
  const script = path.resolve('test/versions/earlier-writer.mjs');
  const child = spawn(process.execPath, [script, earlierBuild(), JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const left = new Promise<boolean>((resolve) => {
    child.stdout.on('data', (data: Buffer) => resolve(data.toString().includes('left')));
    void closed.then(() => resolve(false));
    setTimeout(() => resolve(false), WRITE_MS).unref();
  });
  const isLeft = await left;
  child.kill('SIGKILL');
  await closed;
  if (!isLeft) throw new Error(`The earlier version has left nothing behind: ${output}`);
}

async function checkStores({
  deadLetters,
  idempotency,
}: ReturnType<NonNullable<Takeover['openStores']>>): Promise<void> {
  await Promise.all([deadLetters.connect(), idempotency.connect()]);
  try {
    const { items } = await deadLetters.list({}, { limit: 10, order: 'oldest-first' });
    expect(items.map(({ messageId, status }) => [messageId, status])).toEqual(
      [0, 1, 2].map((nth) => [`dead-${nth}`, 'failed']),
    );
    const found = await deadLetters.find(items[2]!.id);
    expect(Buffer.from(found!.body)).toEqual(Buffer.from([1, 0, 255, 2]));
    expect((await deadLetters.transition(items[0]!.id, ['failed'], 'archived'))?.status).toBe('archived');
    expect(await deadLetters.discard(items[1]!.id)).toBe(true);
    expect((await idempotency.begin('handled-before', 1_000)).kind).toBe('done');
  } finally {
    await Promise.all([deadLetters.close(), idempotency.close()]);
  }
}
