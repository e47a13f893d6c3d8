/**
 * Process of a takeover, with the modules of an earlier build: leaves messages behind in every state, and waits to be killed.
 *
 * Arguments: the folder of the build, and `{ kind, options, stores }` as JSON.
 */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , build, text] = process.argv;
const { kind, options, stores } = JSON.parse(text);
const load = (file) => import(pathToFileURL(path.join(build, 'dist', file)).href);

const DEADLINE_MS = 20_000;
const NAMES = { redis: 'Redis', rabbitmq: 'Rabbitmq', kafka: 'Kafka', embedded: 'Embedded' };

const { systemClock } = await load('core/messaging/index.js');
const exported = await load(`exports/${kind}.js`);
const parsed = exported[`${kind}OptionsSchema`].parse(options);
const context = { name: 'main', clock: systemClock, onEvent: () => undefined };
let transport = new exported[`${NAMES[kind]}Transport`](parsed, context);
if (kind === 'embedded') transport = await spooled();
await transport.connect();

/** What it accepts stays in its spool, because its broker is unreachable. */
async function spooled() {
  const { SpooledTransport, spooledOptionsSchema } = await load('exports/failover.js');
  const { RedisTransport, redisOptionsSchema } = await load('exports/redis.js');
  const unreachable = redisOptionsSchema.parse({ url: 'redis://127.0.0.1:1', connectTimeoutMs: 200 });
  const inner = new RedisTransport(unreachable, { ...context, name: 'broker' });
  const spool = new SpooledTransport({ transport: inner, spool: transport }, spooledOptionsSchema.parse({}), {
    ...context,
    name: 'spooled',
  });
  const buffer = transport;
  return {
    connect: async () => {
      await buffer.connect();
      await spool.connect().catch(() => undefined);
    },
    publish: (to, messages, how) =>
      to.topic === 'spooled' ? spool.publish(to, messages, how) : buffer.publish(to, messages, how),
    consume: (...args) => buffer.consume(...args),
  };
}

async function publish(topic, id, { key, delayMs, headers = {} } = {}) {
  const message = {
    id,
    headers: { tenant: 'acme', ...headers },
    body: Buffer.from(`{"id":"${id}"}`),
    ...(key && { key }),
  };
  const how = { deadlineMs: DEADLINE_MS, ...(delayMs && { delayMs }) };
  const [outcome] = await transport.publish({ topic }, [message], how);
  if (outcome.kind !== 'accepted') throw outcome.error;
}

const seen = [];
const never = new Promise(() => undefined);
const group = (topic, ordering, settle) =>
  transport.consume({ topic, group: 'g', ordering, concurrency: 4 }, async (delivery) => {
    seen.push(delivery.message.id);
    return settle(delivery);
  });
async function until(what, holds) {
  for (const end = Date.now() + 60_000; !holds();) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await group('retried', 'none', () => ({ kind: 'retry', delayMs: 6_000 }));
await group('later', 'none', () => ({ kind: 'ack' }));
await group('keyed', 'key', () => never);
for (let nth = 0; nth < 3; nth += 1) await publish('retried', `retried-${nth}`);
await until('all are retried', () => seen.filter((id) => id.startsWith('retried')).length >= 3);
for (let nth = 0; nth < 3; nth += 1) await publish('later', `later-${nth}`, { delayMs: 6_000 });
// The first of each key is unacknowledged; the others wait.
for (let nth = 0; nth < 5; nth += 1)
  for (const key of ['a', 'b']) await publish('keyed', `keyed-${key}-${nth}`, { key });
await until('one of each key is in flight', () => seen.includes('keyed-a-0') && seen.includes('keyed-b-0'));
if (kind === 'embedded')
  for (let nth = 0; nth < 4; nth += 1) await publish('spooled', `spooled-${nth}`, { key: 's' });
if (stores) await leaveInStores(stores);
// Retries are safe before their original is settled, and positions are stored every 200 ms.
await new Promise((resolve) => setTimeout(resolve, 1_500));
process.stdout.write('left\n');
setInterval(() => undefined, 1_000);

async function leaveInStores(storeOptions) {
  // Each embedded store has a directory of its own.
  const optionsOf = (store) =>
    kind === 'embedded'
      ? { directory: path.join(storeOptions.directory, store) }
      : exported.redisOptionsSchema.parse(storeOptions);
  const letters = new exported[`${NAMES[kind]}DeadLetterStore`](optionsOf('letters'));
  const claims = new exported[`${NAMES[kind]}IdempotencyStore`](optionsOf('claims'));
  await letters.connect();
  await claims.connect();
  for (let nth = 0; nth < 3; nth += 1)
    await letters.add({
      id: `01900000-0000-7000-8000-00000000000${nth}`,
      topic: 'keyed',
      group: 'g',
      handler: 'H.on',
      transport: 'main',
      messageId: `dead-${nth}`,
      reason: 'handler_error',
      error: { type: 'Error', message: 'x' },
      fingerprint: 'f',
      attempts: 5,
      history: [],
      firstFailedAt: 1_000 + nth,
      deadLetteredAt: 1_000 + nth,
      headers: { tenant: 'acme' },
      body: Uint8Array.of(1, 0, 255, nth),
    });
  const claim = await claims.begin('handled-before', 60_000);
  await claims.complete('handled-before', claim.token, 3_600_000);
}
