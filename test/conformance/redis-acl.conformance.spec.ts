import { readFileSync } from 'node:fs';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeRedisDeadLetters } from './redis-stores.js';
import { redisConformance } from './redis-suite.js';
import { describeTransport } from './transport-suite.js';

/** The user that the documentation gives, in the words of `ACL SETUSER`. */
const [, rules = ''] =
  /ACL SETUSER shop ([^\n]+(?:\n {2}[^\n]+)*)/.exec(readFileSync('docs/using/redis.md', 'utf8')) ?? [];
let server: RedisServer;

const [, storeRules = ''] =
  /for the stores\s+`([^`]+)`/.exec(readFileSync('docs/using/redis.md', 'utf8')) ?? [];
const permit = (): Promise<unknown> =>
  server.command(
    'ACL',
    'SETUSER',
    'shop',
    ...`${rules} ${storeRules}`.replaceAll('\\', '').trim().split(/\s+/),
  );

beforeAll(async () => {
  server = await startRedis();
  await permit();
}, 60_000);
afterAll(() => server.stop());

it('the documentation gives a user with a password, a prefix and single commands', () => {
  expect(rules).toContain('>change-me');
  expect(rules).toContain('~switchyard:*');
  expect(rules).not.toMatch(/\+@|allcommands|allkeys|~\*/);
});

describeRedisDeadLetters('Redis with the permissions that the documentation gives', () => ({
  url: server.url,
  username: 'shop',
  password: 'change-me',
}));

describeTransport(
  'Redis with the permissions that the documentation gives',
  redisConformance({
    options: () => ({ url: server.url, username: 'shop', password: 'change-me' }),
    kill: () => server.kill(),
    restore: async () => {
      if (server.process.isRunning) return;
      await server.restart();
      await permit();
    },
  }),
);
