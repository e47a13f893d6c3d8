import * as fs from 'node:fs';
import { loadLmdb } from '../infrastructure/services/embedded/database/lmdb-client.js';
import { loadTerminus } from '../infrastructure/services/health/health.module.js';
import { loadKafkajs } from '../infrastructure/services/kafka/client/kafkajs-client.js';
import { loadPrometheusModule, loadPromClient } from '../infrastructure/services/metrics/metrics.module.js';
import { loadAmqplib } from '../infrastructure/services/rabbitmq/client/amqplib-client.js';
import { loadIoredis } from '../infrastructure/services/redis/client/ioredis-client.js';
import { problemsOfClients } from './clients.js';
import { compose } from './composition.js';
import type { Drivers } from './drivers.js';

type Load = (load?: () => Promise<unknown>) => Promise<unknown>;

const CLIENTS: readonly (readonly [string, Load, object])[] = [
  ['ioredis', loadIoredis, { default: class Redis {}, Cluster: class {} }], // as ioredis 4
  ['amqplib', loadAmqplib, {}],
  ['lmdb', loadLmdb, {}],
  ['@nestjs/terminus', loadTerminus, {}],
  ['prom-client', loadPromClient, {}],
  ['@willsoto/nestjs-prometheus', loadPrometheusModule, {}],
  ['kafkajs', loadKafkajs, { Kafka: class {}, Partitioners: { DefaultPartitioner: () => 0 } }], // as kafkajs 1
];

const { peerDependencies } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as {
  readonly peerDependencies: Readonly<Record<string, string>>;
};

describe.each(CLIENTS)('the client %s', (name, load, old) => {
  const range = `the package "${name}" (${peerDependencies[name]})`;
  const missing = Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });

  it.each([
    ['missing', () => Promise.reject(missing), 'which is not installed. Install it: npm install '],
    ['damaged', () => Promise.reject(new Error('bad ELF\nheader')), 'and cannot be loaded: bad ELF'],
    [
      'of another version',
      () => Promise.resolve(old),
      'but another version is installed. Install a supported one: npm install ',
    ],
  ])('%s', async (_, given, sentence) => {
    const error: unknown = await load(given).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: expect.stringMatching(/^DEPENDENCY_(MISSING|UNUSABLE)$/) });
    expect((error as Error).message).toContain(range);
    expect((error as Error).message).toContain(sentence);
  });

  it('that is installed is taken', async () => {
    await expect(load()).resolves.toBeDefined();
  });
});

it('a client is taken whole from its default export, of whose names Node finds only some', async () => {
  const whole = { Kafka: class {}, Partitioners: { LegacyPartitioner: () => 0 }, CompressionCodecs: {} };
  const { CompressionCodecs: _, ...some } = whole;
  await expect(loadKafkajs(() => Promise.resolve({ ...some, default: whole }))).resolves.toBe(whole);
});

it('each client that cannot be used is reported once, with the first key that needs it', async () => {
  const cannot = { loadClient: () => Promise.reject(new Error('It is gone.')) };
  const settings = {
    transports: { a: { kind: 'redis' }, b: { kind: 'redis' }, c: { kind: 'kafka' }, own: () => undefined },
    deadLetters: { store: 'redis' },
    idempotency: { store: 'embedded' },
  };
  const can = { loadClient: () => Promise.resolve() };
  const drivers = { redis: cannot, kafka: cannot, rabbitmq: can, embedded: cannot } as unknown as Drivers;
  expect(await problemsOfClients(settings as never, drivers)).toEqual([
    'transports.a.kind is redis. It is gone.',
    'transports.c.kind is kafka. It is gone.',
    'idempotency.store is embedded. It is gone.',
  ]);
});

it('clients are reported together with other mistakes', async () => {
  const drivers = { redis: { loadClient: () => Promise.reject(new Error('It is gone.')) } };
  const given = { service: 'shop', transports: { main: { kind: 'redis', url: 'redis://127.0.0.1' } } };
  const problemsOf = async (options: object): Promise<readonly string[]> =>
    (await compose(options, drivers as unknown as Drivers, [])).options.problems ?? [];
  const gone = 'transports.main.kind is redis. It is gone.';
  const stores = { deadLetters: { store: 'memory' }, idempotency: { store: 'memory' } };
  expect(await problemsOf({ ...given, ...stores })).toEqual([gone]);
  expect(await problemsOf({ ...given, ...stores, observers: 1 })).toEqual([expect.any(String), gone]);
  expect(await problemsOf({ ...given, ...stores, maxInFlight: 0 })).toEqual([expect.any(String), gone]);
  expect(await problemsOf({ ...given, ...stores, transports: 7 })).toHaveLength(1);
});
