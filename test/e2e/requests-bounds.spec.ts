import { Test } from '@nestjs/testing';
import { z } from 'zod';
import type { RequestError, RequestOptions } from '../../src/core/messaging/index.js';
import {
  defineRequest,
  MessagingConfigurationError,
  MessagingService,
} from '../../src/core/messaging/index.js';
import { usedBytes } from '../../src/testing/conformance/used-bytes.js';
import { SwitchyardHarness, SwitchyardTestingModule } from '../../src/exports/testing.js';
import { SwitchyardModule } from '../../src/index.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';

const QuotePrice = defineRequest(
  'price.quote',
  z.object({ sku: z.string() }),
  z.object({ cents: z.number() }),
);
const IN_FLIGHT = 10_000;
/** Beyond those of its promise and timer. Measured: 1.2 KiB. */
const MAX_BYTES_EACH = 4_096;
const PATIENT = { timeoutMs: 10_000 };

afterEach(closeApps);

it('keeps 10,000 requests in flight in bounded memory, and gives it back', async () => {
  const transport = memoryTransport('main');
  const { messaging } = await bootApp({}, { transports: [transport], observers: [] });
  const subscription = { topic: QuotePrice.name, group: 'g', concurrency: 100, ordering: 'none' } as const;
  await transport.consume(subscription, async () => ({ kind: 'ack' }));
  const wave = (options: RequestOptions): Promise<string>[] =>
    Array.from({ length: IN_FLIGHT }, () =>
      messaging.request(QuotePrice, { sku: 'a' }, options).then(
        () => 'answered',
        (error: unknown) => (error as RequestError).code,
      ),
    );
  const late = await Promise.all(wave({ timeoutMs: 500 })); // makes what is made once
  expect(new Set(late)).toEqual(new Set(['DEADLINE_EXCEEDED']));
  const before = await usedBytes();
  const plain = await bytesOfPlainPromises();
  // Given up once the bytes are counted, because on a loaded machine that may take longer than any deadline.
  const asker = new AbortController();
  const warned: string[] = [];
  const onWarning = ({ name }: Error): void => void warned.push(name);
  process.on('warning', onWarning);
  const inFlight = wave({ timeoutMs: 300_000, signal: asker.signal });
  await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).rejects.toMatchObject({
    code: 'OVERLOADED',
  });
  const during = await usedBytes();
  asker.abort();
  expect(new Set(await Promise.all(inFlight))).toEqual(new Set(['ABORTED']));
  inFlight.length = 0;
  process.off('warning', onWarning);
  expect(warned).toEqual([]);
  const after = await usedBytes();
  expect((during - before - plain) / IN_FLIGHT).toBeLessThan(MAX_BYTES_EACH);
  expect((after - before) / IN_FLIGHT).toBeLessThan(300);
}, 60_000);

/**
 * What as many promises and timers take as the requests have. In a process that has made many `AsyncLocalStorage`, as one of
 * Jest has after some specs, each of them holds kilobytes.
 */
async function bytesOfPlainPromises(): Promise<number> {
  const before = await usedBytes();
  const timers: NodeJS.Timeout[] = [];
  const pending = Array.from({ length: IN_FLIGHT }, () =>
    new Promise((resolve) => timers.push(setTimeout(resolve, 300_000))).then(() => 'late'),
  );
  const during = await usedBytes();
  expect(pending).toHaveLength(IN_FLIGHT);
  timers.forEach(clearTimeout);
  return during - before;
}

it('is refused at boot on Kafka, also inside a failover, with the transport to route to', async () => {
  const problemsOf = async (main: object): Promise<string> => {
    const memory = { kind: 'memory' as const };
    const events = { kind: 'kafka' as const, brokers: ['127.0.0.1:1'] };
    const transports = { main, events, spare: memory, work: memory } as never;
    const options = { service: 'shop', transports, routes: [{ match: '**', transport: 'main' }] };
    const building = Test.createTestingModule({
      imports: [SwitchyardModule.forRoot({ ...options, messages: [QuotePrice] })],
    }).compile();
    try {
      await (await building).createNestApplication({ logger: false }).init();
    } catch (error) {
      if (error instanceof MessagingConfigurationError) return error.problems.join('\n');
      throw error;
    }
    return 'none';
  };
  const remedy = `Route the request to "work": { match: 'price.quote', transport: 'work' }.`;
  const plain = await problemsOf({ kind: 'kafka', brokers: ['127.0.0.1:1'] });
  expect(plain).toContain('Request "price.quote" is routed to "main", a transport of kind kafka');
  expect(plain).toContain('Route the request to "spare" or "work"');
  const inside = await problemsOf({ kind: 'failover', members: ['events', 'spare'] });
  expect(inside).toContain(
    'Request "price.quote" is routed to "events" of "main", a transport of kind kafka',
  );
  expect(inside).toContain(remedy);
});

it('is not spooled: it fails at once, and is not sent later', async () => {
  const transports = {
    main: { kind: 'spooled', transport: 'work', spool: 'disk' },
    work: { kind: 'redis' },
    disk: { kind: 'embedded' },
  } as const;
  const module = await Test.createTestingModule({
    imports: [SwitchyardTestingModule.forTest({ service: 'shop', transports, messages: [QuotePrice] })],
  }).compile();
  const app = await module.init();
  try {
    const harness = app.get(SwitchyardHarness);
    const ask = (): Promise<unknown> => app.get(MessagingService).request(QuotePrice, { sku: 'a' }, PATIENT);
    await expect(ask()).rejects.toMatchObject({ code: 'NO_HANDLER' }); // its inbox is open from now on
    const outage = harness.outage('work');
    await harness.advance(10_000);
    await expect(ask()).rejects.toMatchObject({ code: 'PUBLISH_UNAVAILABLE', retryable: true });
    await outage.restore();
    await harness.advance(60_000);
    expect(harness.published(QuotePrice)).toEqual([]);
  } finally {
    await app.close();
  }
});
