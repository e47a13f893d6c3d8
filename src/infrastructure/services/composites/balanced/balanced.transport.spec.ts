import { setTimeout as wait } from 'node:timers/promises';
import { waitUntil } from '../../../../../test/support/brokers/wait-until.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { PublishOutcome, Transport, WireMessage } from '../../../../core/messaging/ports/transport.js';
import { balancedOptionsSchema } from './balanced.options.js';
import { BalancedTransport } from './balanced.transport.js';

/** Takes its time, and can be set to take nothing. */
class Worker {
  taken: string[] = [];
  delayMs = 0;
  isGone = false;

  constructor(readonly name: string) {}

  get transport(): Transport {
    return {
      name: this.name,
      system: 'worker',
      durability: 'acknowledged',
      connect: () => Promise.resolve(),
      publish: async (_, messages): Promise<readonly PublishOutcome[]> => {
        if (this.isGone) return messages.map(() => ({ kind: 'unavailable', error: gone }));
        if (this.delayMs > 0) await wait(this.delayMs);
        this.taken.push(...messages.map(({ id }) => id));
        return messages.map(() => ({ kind: 'accepted' }));
      },
      consume: () => Promise.resolve({ stop: () => Promise.resolve() }),
      backlog: () => Promise.resolve({ ready: 0, inFlight: 0, delayed: 0 }),
      ping: () => (this.isGone ? Promise.reject(gone) : Promise.resolve()),
      close: () => Promise.resolve(),
    };
  }
}

const gone = new MessagingError('TRANSPORT_UNAVAILABLE', 'gone');
const opened: Transport[] = [];
afterEach(() => Promise.all(opened.splice(0).map((transport) => transport.close())));

async function setUp(options: object = {}) {
  const workers = ['a', 'b', 'c'].map((name) => new Worker(name));
  const settings = balancedOptionsSchema.parse({ probeIntervalMs: 50, maxProbeIntervalMs: 50, ...options });
  const balanced = new BalancedTransport(
    workers.map(({ transport }) => transport),
    settings,
    { name: 'main', clock: systemClock, onEvent: () => undefined },
  );
  opened.push(balanced);
  await balanced.connect();
  const publish = (messages: readonly WireMessage[]): Promise<readonly PublishOutcome[]> =>
    balanced.publish({ topic: 't' }, messages, { deadlineMs: 5_000 });
  const counts = (): number[] => workers.map(({ taken }) => taken.length);
  return { workers, balanced, publish, counts };
}

const message = (id: number, key?: string): WireMessage => ({
  id: String(id),
  ...(key === undefined ? {} : { key }),
  headers: {},
  body: Buffer.from('x'),
});

/** A few at a time, for so long. */
async function load(
  publish: (messages: readonly WireMessage[]) => Promise<unknown>,
  ms: number,
): Promise<void> {
  const until = performance.now() + ms;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      await publish([message(0)]);
      await wait(1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

it('gives each member its share in turn', async () => {
  const { publish, counts } = await setUp({ weights: [1, 2, 3] });
  for (let nth = 0; nth < 600; nth++) await publish([message(nth)]);
  expect(counts()).toEqual([100, 200, 300]);
});

it('counts messages, not calls', async () => {
  const { publish, counts } = await setUp();
  for (let nth = 0; nth < 300; nth++)
    await publish(Array.from({ length: 1 + (nth % 7) }, (_, index) => message(index)));
  const [least = 0, , most = 0] = counts().sort((one, other) => one - other);
  expect(most - least).toBeLessThanOrEqual(7);
});

it.each(['least-in-flight', 'latency'])('gives a slow member less (%s)', async (strategy) => {
  const { workers, publish, counts } = await setUp({ strategy });
  workers.forEach((worker, index) => (worker.delayMs = index === 1 ? 200 : 2));
  await load(publish, 1_500);
  const [a = 0, b = 0, c = 0] = counts();
  expect(b).toBeGreaterThan(0);
  expect(b).toBeLessThan((a + b + c) / 10);
});

it('sends a key to the same member, in the order of the call, and everything arrives', async () => {
  const { workers, publish, counts } = await setUp();
  const messages = Array.from({ length: 300 }, (_, nth) =>
    message(nth, nth % 10 === 0 ? undefined : `k${nth % 30}`),
  );
  const outcomes = await publish(messages);
  expect(outcomes.map(({ kind }) => kind)).toEqual(messages.map(() => 'accepted'));
  expect(counts().reduce((sum, count) => sum + count, 0)).toBe(300);
  const keyOf = (id: string): string | undefined => messages[Number(id)]?.key;
  for (const { taken } of workers) {
    const keys = new Set(taken.map(keyOf));
    for (const other of workers.filter((one) => one.taken !== taken))
      expect(other.taken.map(keyOf).filter((key) => key !== undefined && keys.has(key))).toEqual([]);
    expect(taken).toEqual([...taken].sort((one, another) => Number(one) - Number(another)));
  }
});

it('leaves out a member that fails, loses nothing, and takes it back without a flood', async () => {
  const { workers, balanced, publish, counts } = await setUp({ failuresToOpen: 2 });
  const [, broken] = workers;
  if (broken) broken.isGone = true;
  for (let nth = 0; nth < 100; nth++) expect((await publish([message(nth)]))[0]?.kind).toBe('accepted');
  expect(balanced.state()).toMatchObject({ active: ['a', 'c'] });
  expect(counts()[1]).toBe(0);
  if (broken) broken.isGone = false;
  await waitUntil('it is back', async () => balanced.state().active.length === 3);
  const before = counts();
  for (let nth = 0; nth < 90; nth++) await publish([message(nth)]);
  const gained = counts().map((count, index) => count - (before[index] ?? 0));
  for (const count of gained) expect(Math.abs(count - 30)).toBeLessThanOrEqual(2);
});

it('wants a weight for each member', () => {
  const context = { name: 'main', clock: systemClock, onEvent: () => undefined };
  const transports = [new Worker('a'), new Worker('b')].map(({ transport }) => transport);
  const options = balancedOptionsSchema.parse({ weights: [1] });
  expect(() => new BalancedTransport(transports, options, context)).toThrow(/a weight for each/);
});
