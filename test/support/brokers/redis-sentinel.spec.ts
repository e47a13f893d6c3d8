import { type RedisSentinelSetup, startRedisSentinel } from './redis-sentinel.js';
import { waitUntil } from './wait-until.js';

describe('Redis with sentinels of a test', () => {
  let setup: RedisSentinelSetup;

  beforeAll(async () => {
    setup = await startRedisSentinel({ password: 'secret' });
  });
  afterAll(() => setup.stop());

  it('replicates', async () => {
    const primary = await setup.primary();
    await primary.command('SET', 'a', '1');
    expect(setup.sentinels).toHaveLength(3);
    for (const replica of await setup.replicas()) {
      await waitUntil('it has arrived', async () => (await replica.command('GET', 'a')) === '1');
      expect(await replica.command('ROLE')).toEqual([
        'slave',
        '127.0.0.1',
        primary.port,
        'connected',
        expect.anything(),
      ]);
    }
  });

  it('fails over when its primary is killed, and takes the dead one back as a replica', async () => {
    const dead = await setup.killPrimary();
    const primary = await setup.failedOver(dead);
    expect(primary).not.toBe(dead);
    expect(await primary.command('GET', 'a')).toBe('1');
    await primary.command('SET', 'a', '2');
    await setup.reviveAsReplica(dead);
    expect(await dead.command('GET', 'a')).toBe('2');
    await setup.ready();
  });
});
