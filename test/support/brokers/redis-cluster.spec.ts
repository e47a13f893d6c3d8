import { type RedisClusterSetup, startRedisCluster } from './redis-cluster.js';
import { waitUntil } from './wait-until.js';

describe('a Redis cluster of a test', () => {
  let cluster: RedisClusterSetup;

  beforeAll(async () => {
    cluster = await startRedisCluster({ password: 'secret' });
  });
  afterAll(() => cluster.stop());

  it('has three primaries and spreads keys over them', async () => {
    expect(await cluster.primaries()).toHaveLength(3);
    const owners = await Promise.all(['a', 'b', 'c', 'd'].map((key) => cluster.primaryOf(key)));
    expect(new Set(owners).size).toBeGreaterThan(1);
  });

  it('answers with ASK while a slot moves and with MOVED afterwards', async () => {
    const from = await cluster.primaryOf('{tag}');
    await from.command('MSET', '{tag}1', '1', '{tag}2', '2');
    const move = await cluster.beginMove('{tag}');
    expect(await move.moveKeys(1)).toBe(1);
    const answers = await Promise.allSettled([from.command('GET', '{tag}1'), from.command('GET', '{tag}2')]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { message: expect.stringMatching(/^ASK /) as unknown },
    });
    await expect(move.finish()).rejects.toThrow('1 keys of slot');
    await move.moveKeys();
    await move.finish();
    expect(await cluster.primaryOf('{tag}')).toBe(move.to);
    await expect(from.command('GET', '{tag}1')).rejects.toThrow(/^MOVED /);
    expect(await move.to.command('MGET', '{tag}1', '{tag}2')).toEqual(['1', '2']);
  });

  it('fails over when a primary is killed, and takes the dead one back as a replica', async () => {
    const before = await cluster.primaryOf('{tag}');
    await waitUntil('its replica has everything', async () => {
      const text = String(await before.command('INFO', 'replication'));
      const offsetOf = (name: RegExp): string | undefined => name.exec(text)?.[1];
      return offsetOf(/master_repl_offset:(\d+)/) === offsetOf(/slave0:.*offset=(\d+)/);
    });
    const dead = await cluster.killPrimaryOf('{tag}');
    const primary = await cluster.failedOver('{tag}', dead);
    expect(primary).not.toBe(dead);
    expect(await primary.command('GET', '{tag}1')).toBe('1');
    await cluster.revive(dead);
    expect(await cluster.primaries()).not.toContain(dead);
    expect(((await dead.command('ROLE')) as unknown[])[0]).toBe('slave');
  });
});
