import { load, problemsOf } from '../test/support/load-config.js';

const PRODUCTION = { NODE_ENV: 'production', SWITCHYARD_ADMIN__ENABLED: 'false' };
const SECRET = 'S3CR3T';
const transport = (options: string): string => `transports: {work: {${options}}}`;
const rabbit = (options: string): string => transport(`kind: rabbitmq, ${options}`);
const redis = (options: string): string => transport(`kind: redis, ${options}`);
const kafka = (options: string): string => transport(`kind: kafka, ${options}`);
const sasl = `sasl: {mechanism: plain, username: u, password: ${SECRET}}`;

const GUEST = 'as the user guest';
const PLAIN = 'without encryption';
const UNVERIFIED = 'is not verified';

describe('Production', () => {
  it.each([
    ['the user guest that nobody names', rabbit("urls: ['amqp://mq.example:5672']"), [GUEST], 'guest'],
    [
      'the user guest by name',
      rabbit("urls: ['amqp://127.0.0.1', 'amqp://guest:guest@mq.example']"),
      [GUEST],
      'guest',
    ],
    ['the user guest, encoded', rabbit("urls: ['amqp://gu%65st:gue%73t@mq.example']"), [GUEST], 'guest'],
    [
      'the user guest beside the URL',
      rabbit("urls: ['amqps://mq'], username: guest, password: x"),
      [GUEST],
      'guest',
    ],
    ['the user guest with TLS', rabbit("urls: ['amqps://mq.example']"), [GUEST], 'guest'],
    [
      'a plain login of RabbitMQ',
      rabbit(`urls: ['amqp://shop:${SECRET}@mq.example']`),
      [PLAIN],
      'plaintext-auth',
    ],
    [
      'a plain login of RabbitMQ beside the URL',
      rabbit(`urls: ['amqp://mq'], username: shop, password: ${SECRET}`),
      [PLAIN],
      'plaintext-auth',
    ],
    ['a plain login of Redis', redis(`url: 'redis://u:${SECRET}@cache'`), [PLAIN], 'plaintext-auth'],
    [
      'a plain login of Redis beside the URL',
      redis(`url: 'redis://10.0.0.1', password: ${SECRET}`),
      [PLAIN],
      'plaintext-auth',
    ],
    [
      'a plain login behind sentinels',
      redis(`sentinels: ['127.0.0.1:1', 'b:1'], password: ${SECRET}`),
      [PLAIN],
      'plaintext-auth',
    ],
    [
      'a plain login to sentinels',
      redis(`sentinels: ['b:1'], sentinelPassword: ${SECRET}`),
      [PLAIN],
      'plaintext-auth',
    ],
    ['a plain login to a cluster', redis(`cluster: ['b:1'], password: ${SECRET}`), [PLAIN], 'plaintext-auth'],
    [
      'a plain login of Kafka',
      kafka(`brokers: ['[::1]:9092', 'k:9092'], ${sasl}`),
      [PLAIN],
      'plaintext-auth',
    ],
    [
      'a certificate from anybody (RabbitMQ)',
      rabbit("urls: ['amqps://u:p@mq'], tls: {dangerouslyAllowInvalidCerts: true}"),
      [UNVERIFIED],
      'tls',
    ],
    [
      'a certificate from anybody (Redis)',
      redis("url: 'rediss://mq', tls: {dangerouslyAllowInvalidCerts: true}"),
      [UNVERIFIED],
      'tls',
    ],
    [
      'a certificate from anybody (Kafka)',
      kafka("brokers: ['k:1'], tls: {dangerouslyAllowInvalidCerts: true}"),
      [UNVERIFIED],
      'tls',
    ],
  ])('refuses %s, and nothing else does', (_, file, problems, kind) => {
    const refused = problemsOf({ file, env: PRODUCTION });
    expect(refused).toEqual(problems.map((problem): unknown => expect.stringContaining(problem)));
    expect(refused.join()).toContain(`list ${kind} in allowInsecure`);
    expect(refused.join()).not.toContain(SECRET);
    expect(problemsOf({ file })).toEqual([]);
    expect(problemsOf({ file: `production: false\n${file}`, env: PRODUCTION })).toEqual([]);
    expect(problemsOf({ file: `production: true\nadmin: {enabled: false}\n${file}` })).toHaveLength(
      problems.length,
    );
  });

  it.each([
    [
      ['guest'],
      rabbit("urls: ['amqp://mq.example']"),
      'transports.work.urls (config/switchyard.yaml line 2)',
    ],
    [
      ['plaintext-auth'],
      kafka(`brokers: ['k:9092'], ${sasl}`),
      'transports.work.sasl (config/switchyard.yaml line 2)',
    ],
    [['tls'], redis("url: 'rediss://mq', tls: {dangerouslyAllowInvalidCerts: true}"), 'transports.work.tls'],
  ])('permits what allowInsecure lists, and says where: %s', (kinds, file, at) => {
    const given = { file: `allowInsecure: [${kinds.join()}]\n${file}`, env: PRODUCTION };
    expect(load(given).permittedInsecurities).toEqual([
      expect.stringMatching(new RegExp(`^${at.replace(/[().]/g, '\\$&')}.*allowInsecure permits it`)),
    ]);
    expect(load({ file: given.file }).permittedInsecurities).toEqual([]);
    const others = ['guest', 'plaintext-auth', 'tls'].filter((kind) => !kinds.includes(kind));
    expect(problemsOf({ file: `allowInsecure: [${others.join()}]\n${file}`, env: PRODUCTION })).toHaveLength(
      1,
    );
  });

  it('permits nothing by a list that is not needed', () => {
    const env = { ...PRODUCTION, SWITCHYARD_ALLOW_INSECURE: '[guest, tls]' };
    expect(load({ env }).permittedInsecurities).toEqual([]);
  });

  it('refuses certificates that Node does not verify', () => {
    const env = { ...PRODUCTION, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    expect(problemsOf({ env })).toEqual([expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED is 0')]);
    expect(load({ env: { ...env, SWITCHYARD_ALLOW_INSECURE: '[tls]' } }).permittedInsecurities).toHaveLength(
      1,
    );
    expect(problemsOf({ env: { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '1' } })).toEqual([]);
  });

  it('reports everything at once, also beside mistakes of other kinds', () => {
    const file = `
transports:
  work: {kind: rabbitmq, urls: ['amqp://guest:${SECRET}@mq'], tls: {dangerouslyAllowInvalidCerts: true}}
  fast: {kind: redis, url: 'redis://:${SECRET}@cache', keyPrefix: 'a b'}
  log: {kind: kafka, brokers: ['k:9092'], ${sasl}, partitions: 0}
routes: [{match: '**', transport: work}]`;
    const problems = problemsOf({ file, env: { NODE_ENV: 'production', NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
    for (const part of [
      GUEST,
      'work.urls',
      UNVERIFIED,
      'fast.url',
      'log.sasl',
      'keyPrefix',
      'partitions',
      'NODE_TLS',
      'apiKeys',
    ])
      expect(problems.filter((problem) => problem.includes(part))).not.toEqual([]);
    expect(problems.join()).not.toContain(SECRET);
  });

  it.each([
    rabbit("urls: ['amqp://127.0.0.1', 'amqp://localhost:5673', 'amqp://[::1]']"),
    rabbit(`urls: ['amqps://shop:${SECRET}@mq.example']`),
    redis(`url: 'rediss://:${SECRET}@cache'`),
    redis(`url: 'redis://cache'`),
    redis(`url: 'redis://:${SECRET}@localhost'`),
    redis(`sentinels: ['b:1'], password: ${SECRET}, tls: {}`),
    kafka(`brokers: ['k:9092'], ${sasl}, tls: {}`),
    kafka(`brokers: ['127.0.0.1:9092', '[::1]:9092'], ${sasl}`),
    kafka("brokers: ['k:9092']"),
  ])('is fine with %s', (file) => {
    expect(problemsOf({ file, env: PRODUCTION })).toEqual([]);
  });

  it('is what the settings say before NODE_ENV', () => {
    expect(load({ env: PRODUCTION }).production).toBe(true);
    expect(load({}).production).toBe(false);
    expect(load({ env: { NODE_ENV: 'production', SWITCHYARD_PRODUCTION: 'false' } }).production).toBe(false);
    expect(
      load({ env: { SWITCHYARD_PRODUCTION: 'true', SWITCHYARD_ADMIN__ENABLED: 'false' } }).production,
    ).toBe(true);
    expect(problemsOf({ env: { SWITCHYARD_PRODUCTION: 'true' } })).toEqual([
      'admin.apiKeys is empty, and production (SWITCHYARD_PRODUCTION) is true. Configure a key, or set admin.enabled to false.',
    ]);
  });
});
