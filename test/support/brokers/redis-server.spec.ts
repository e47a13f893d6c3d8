import { existsSync } from 'node:fs';

import { redisCommand } from './redis-command.js';
import { type RedisServer, startRedis } from './redis-server.js';
import { createTestCertificates } from './test-certificates.js';

describe('a Redis server of a test', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ password: 'a b@c' });
  });
  afterAll(() => server.stop());

  it('asks for its password', async () => {
    expect(server.url).toBe(`redis://:a%20b%40c@127.0.0.1:${server.port}`);
    expect(await server.command('PING')).toBe('PONG');
    expect(await server.command('CONFIG', 'GET', 'requirepass')).toEqual(['requirepass', 'a b@c']);
  });

  it('keeps what it acknowledged over SIGKILL and a restart on the same port', async () => {
    await server.command('SET', 'kept', '1');
    const { pid } = server.process;
    await server.kill();
    await expect(server.command('PING')).rejects.toThrow();
    await server.restart();
    expect(server.process.pid).not.toBe(pid);
    expect(await server.command('GET', 'kept')).toBe('1');
  });

  it('answers nothing while it is paused', async () => {
    server.pause();
    const answer = server.command('PING');
    expect(await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, 'silence'))])).toBe(
      'silence',
    );
    server.resume();
    expect(await answer).toBe('PONG');
  });

  it('leaves nothing behind', async () => {
    const other = await startRedis();
    await other.stop();
    expect(other.process.isRunning).toBe(false);
    expect(existsSync(other.directory)).toBe(false);
  });

  it('speaks TLS', async () => {
    const certificates = await createTestCertificates();
    const encrypted = await startRedis({ tls: certificates.server });
    try {
      expect(encrypted.url).toBe(`rediss://127.0.0.1:${encrypted.port}`);
      expect(await encrypted.command('PING')).toBe('PONG');
      const { port, host } = encrypted;
      await expect(redisCommand({ port, host }, 'PING')).rejects.toThrow();
    } finally {
      await encrypted.stop();
      certificates.remove();
    }
  });
});
