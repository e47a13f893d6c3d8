/**
 * Writes the data that a killed application leaves behind: a directory of the embedded transport and its stores,
 * and a Redis. CONTRIBUTING.md describes when. The argument is the commit that writes.
 *
 * Imports only the entries of the package, and files whose path never changes, so that it runs in a checkout of an
 * earlier commit.
 */
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import {
  DeadLetterService,
  type DeadLetterStore,
  HEADER,
  type IdempotencyStore,
  MessageContext,
  MessageHandler,
  MessagingModule,
  MessagingService,
  PermanentError,
  systemClock,
  type Transport,
  type WireMessage,
} from '../src/core/messaging/index.js';
import {
  EmbeddedDeadLetterStore,
  EmbeddedIdempotencyStore,
  embeddedOptionsSchema,
  EmbeddedTransport,
} from '../src/exports/embedded.js';
import { spooledOptionsSchema, SpooledTransport } from '../src/exports/failover.js';
import {
  RedisDeadLetterStore,
  RedisIdempotencyStore,
  redisOptionsSchema,
  RedisTransport,
} from '../src/exports/redis.js';
import { oldRedisServer } from '../test/support/brokers/old-redis.js';
import { startRedis } from '../test/support/brokers/redis-server.js';
import { type EmbeddedSample, type RedisSample, writeSample } from '../test/compatibility/sample-files.js';
import {
  Audited,
  Cancelled,
  Declined,
  Paid,
  Placed,
  RAW_BODY,
  REDIS_PREFIX,
  Refunded,
  Reminded,
  Returned,
  TRANSPORT,
} from '../test/compatibility/sample-messages.js';

const CENTURY_MS = 100 * 365 * 86_400_000;
/** In the past when the sample is read. */
const SOON_MS = 30_000;
const READY = 'ready to be killed';
/** The process's own files, which are not part of the data. */
const NOT_DATA = ['switchyard.lock', 'reserve', 'data.mdb-lock'];
const nobody = 'redis://127.0.0.1:1';

interface Parts {
  readonly transport: Transport;
  readonly deadLetters: DeadLetterStore;
  readonly idempotency: IdempotencyStore;
}

const handed: string[] = [];
const never = (): Promise<never> => new Promise(() => undefined);

@Injectable()
class Orders {
  @MessageHandler(Placed, { group: 'billing', ordering: 'key', concurrency: 3, timeoutMs: SOON_MS })
  bill(_: unknown, { messageId }: MessageContext): Promise<never> {
    handed.push(messageId);
    return never();
  }

  @MessageHandler(Placed, { group: 'stock' })
  reserve(_: unknown, { messageId }: MessageContext): void {
    handed.push(`stock ${messageId}`);
  }

  @MessageHandler(Refunded, { group: 'refunds', attempts: 2, backoff: { type: 'fixed', delayMs: SOON_MS } })
  refund(): never {
    throw new Declined('the bank said no');
  }

  @MessageHandler(Reminded, { group: 'reminders' })
  remind(): void {
    throw new Error('A message came before it was due.');
  }

  @MessageHandler(Cancelled, { group: 'refunds', attempts: 2, backoff: { type: 'fixed', delayMs: 50 } })
  cancel(): never {
    throw new Declined('the bank said no');
  }

  @MessageHandler(Returned, { group: 'returns', concurrency: 1, timeoutMs: SOON_MS })
  takeBack(_: unknown, { messageId }: MessageContext): Promise<never> {
    handed.push(messageId);
    if (messageId !== 'returned-failing') return never();
    throw new PermanentError('broken');
  }

  @MessageHandler(Paid, {
    group: 'payments',
    concurrency: 1,
    timeoutMs: SOON_MS,
    idempotencyWindowMs: 60_000,
  })
  pay(_: unknown, { messageId }: MessageContext): Promise<void> {
    handed.push(messageId);
    return messageId === 'paid-once' ? Promise.resolve() : never();
  }

  @MessageHandler(Audited, { group: 'audit' })
  audit(): void {
    throw new Error('A message was decoded that is none.');
  }
}

/** Remembers for a century, so that the sample does not expire. */
function lasting(store: IdempotencyStore): IdempotencyStore {
  const complete = store.complete.bind(store);
  return Object.assign(store, {
    complete: (key: string, token: string) => complete(key, token, CENTURY_MS),
  });
}

async function leaveBehind({ transport, deadLetters, idempotency }: Parts): Promise<void> {
  @Module({
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        transports: [transport],
        deadLetters,
        idempotency: lasting(idempotency),
      }),
    ],
    providers: [Orders],
  })
  class Shop {}
  const app = await NestFactory.createApplicationContext(Shop, { logger: false });
  const messaging = app.get(MessagingService);
  const publish = (type: typeof Placed, messageId: string, options: object = {}) =>
    messaging.publish(type, { note: messageId }, { messageId, ...options });
  const publishRaw = (topic: string, message: WireMessage, delayMs?: number) =>
    accepted(
      transport.publish({ topic }, [message], {
        deadlineMs: 5_000,
        ...(delayMs === undefined ? {} : { delayMs }),
      }),
    );
  const isIdle = async (topic: string, group: string) => {
    const { ready, inFlight } = await transport.backlog({ topic, group });
    return ready + inFlight === 0;
  };

  for (const key of ['ann', 'bob']) await publish(Placed, `${key}-0`, { key });
  await until('two are in flight', () => handed.includes('ann-0') && handed.includes('bob-0'));
  for (const id of ['ann-1', 'bob-1', 'ann-2']) await publish(Placed, id, { key: id.slice(0, 3) });
  await publish(Placed, 'cat-0', { key: 'cat' });
  await until('all slots are taken', () => handed.includes('cat-0'));
  await publish(Placed, 'ann-3', { key: 'ann' });
  await publish(Placed, 'plain', { headers: { tenant: 'acme' } });
  await until('the stock has all', () => isIdle('orders.placed', 'stock'));

  await publish(Refunded, 'refunded');
  await publish(Reminded, 'reminded-soon', { delayMs: SOON_MS });
  await publishRaw(
    'orders.reminded',
    { id: 'reminded-late', headers: {}, body: Buffer.from('{}') },
    CENTURY_MS,
  );
  await publish(Cancelled, 'cancelled', { key: 'ann', headers: { tenant: 'acme' } });
  const headers = { [HEADER.type]: 'orders.audited', [HEADER.contentType]: 'application/json' };
  await publishRaw('orders.audited', { id: 'raw', headers, body: RAW_BODY });

  await publish(Returned, 'returned-failing');
  await until('all letters are kept', async () => (await deadLetters.count({})) === 3);
  await publish(Returned, 'returned-hanging');
  await until('one hangs', () => handed.includes('returned-hanging'));
  const { items } = await deadLetters.list({ group: 'returns' }, { limit: 1 });
  for (const { id } of items)
    await app.get(DeadLetterService).replay(id, { actor: 'ann', reason: 'the handler is fixed' });

  await publish(Paid, 'paid-once');
  await until('it is paid', () => isIdle('orders.paid', 'payments'));
  await publish(Paid, 'paid-hanging');
  await until('one hangs', () => handed.includes('paid-hanging'));
  await publish(Paid, 'paid-once');
  await publish(Paid, 'paid-later');
  await until('the retry waits', async () => {
    const { delayed } = await transport.backlog({ topic: 'orders.refunded', group: 'refunds' });
    return delayed === 1;
  });
}

/** In lanes of both kinds, for an unreachable broker. */
async function spool(directory: string): Promise<void> {
  const broker = new RedisTransport(redisOptionsSchema.parse({ url: nobody }), contextOf('broker'));
  const disk = new EmbeddedTransport(embeddedOptionsSchema.parse({ directory }), contextOf('disk'));
  const transports = { transport: broker, spool: disk };
  const spooled = new SpooledTransport(transports, spooledOptionsSchema.parse({}), contextOf(TRANSPORT));
  await spooled.connect();
  const message = (id: string, key?: string): WireMessage => ({
    id,
    ...(key === undefined ? {} : { key }),
    headers: { tenant: 'acme' },
    body: Buffer.from(id),
  });
  const to = { topic: 'orders.placed' };
  const options = { deadlineMs: 5_000 };
  const some = [message('any-1', 'ann'), message('any-2', 'ann'), message('any-plain')];
  await accepted(spooled.publish(to, some, options));
  await accepted(spooled.publish(to, [message('any-delayed')], { ...options, delayMs: SOON_MS }));
  await accepted(spooled.publish({ ...to, group: 'stock' }, [message('any-stock')], options));
  const names = ['ordering', 'order']; // the second is that of 9aea77f
  const strict = { ...options, ...Object.fromEntries(names.map((name) => [name, 'strict'])) };
  for (const id of ['strict-1', 'strict-2', 'strict-3'])
    await accepted(spooled.publish(to, [message(id, 'bob')], strict));
}

async function accepted(outcomes: ReturnType<Transport['publish']>): Promise<void> {
  for (const outcome of await outcomes) if (outcome.kind !== 'accepted') throw outcome.error;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries > 400) throw new Error(`Not within 20 s: ${what}. In flight: ${handed.join(', ')}.`);
    await sleep(50);
  }
}

const contextOf = (name: string) => ({ name, clock: systemClock, onEvent: () => undefined });

async function embeddedParts(directory: string): Promise<Parts> {
  const deadLetters = new EmbeddedDeadLetterStore({ directory: join(directory, 'dead-letters') });
  const idempotency = new EmbeddedIdempotencyStore({ directory: join(directory, 'idempotency') });
  const options = embeddedOptionsSchema.parse({ directory: join(directory, 'log') });
  await spool(join(directory, 'spool'));
  return { transport: new EmbeddedTransport(options, contextOf(TRANSPORT)), deadLetters, idempotency };
}

function redisParts(url: string): Parts {
  const options = redisOptionsSchema.parse({ url, keyPrefix: REDIS_PREFIX });
  return {
    transport: new RedisTransport(options, contextOf(TRANSPORT)),
    deadLetters: new RedisDeadLetterStore(options),
    idempotency: new RedisIdempotencyStore(options),
  };
}

/** Starts a separate process that works there, and kills it. */
async function killedAt(place: string): Promise<void> {
  const [, script = ''] = process.argv;
  const child = spawn(
    process.execPath,
    ['--import', '@swc-node/register/esm-register', script, 'leave', place],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes(READY)) child.kill('SIGKILL');
  });
  await ended;
  if (!output.includes(READY)) throw new Error('The process ended by itself; see above.');
}

async function embeddedSample(): Promise<EmbeddedSample> {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-sample-'));
  await killedAt(directory);
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter(
    (name) => statSync(join(directory, name)).isFile() && !NOT_DATA.includes(basename(name)),
  );
  const sample = Object.fromEntries(
    files.map((name) => [name, readFileSync(join(directory, name)).toString('base64')]),
  );
  rmSync(directory, { recursive: true });
  return sample;
}

/** From the oldest supported server, because a server cannot restore data of a newer version. */
async function redisSample(): Promise<RedisSample> {
  const server = await startRedis({ program: oldRedisServer('6.2') });
  const client = new Redis(server.clientOptions);
  try {
    await killedAt(server.url);
    const sample: Record<string, RedisSample[string]> = {};
    for (const key of (await client.keys('*')).sort()) {
      const leftMs = await client.pttl(key);
      const expires = leftMs < 0 ? {} : { expiresAt: Date.now() + leftMs };
      sample[key] = { value: (await client.dumpBuffer(key)).toString('base64'), ...expires };
    }
    return sample;
  } finally {
    client.disconnect();
    await server.stop();
  }
}

/** No sample names this machine or its folders. */
function anonymous(): void {
  Error.stackTraceLimit = 0;
  os.hostname = () => 'sample';
  syncBuiltinESMExports();
}

const [, , first = '', place = ''] = process.argv;
if (first === 'leave') {
  anonymous();
  const parts = place.startsWith('redis:') ? redisParts(place) : await embeddedParts(place);
  await leaveBehind(parts);
  await sleep(500); // for what is written behind
  process.stdout.write(`${READY}\n`);
} else if (/^[0-9a-f]{7}$/.test(first)) {
  const written = [
    writeSample('embedded', first, await embeddedSample()),
    writeSample('redis', first, await redisSample()),
  ];
  process.stdout.write(`For test/compatibility/sample-files.ts:\n${JSON.stringify(written, undefined, 2)}\n`);
} else throw new Error('Pass the commit that writes: the first seven digits of its id.');
