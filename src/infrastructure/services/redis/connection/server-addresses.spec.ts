import { redisOptionsSchema } from '../redis.options.js';
import { addressesOf } from './server-addresses.js';

const of = (options: object): ReturnType<typeof addressesOf> =>
  addressesOf('r', redisOptionsSchema.parse(options));

describe('The servers of Redis', () => {
  it('are read from a URL, decoded, which precedes what stands beside it', () => {
    const { common, label } = of({ url: 'redis://an%61:p%2Fw@[::1]:7000/3', username: 'x', password: 'y' });
    expect(common).toMatchObject({ host: '::1', port: 7000, username: 'ana', password: 'p/w', db: 3 });
    expect(label).toBe('Redis "r" at [::1]:7000');
  });

  it('have the database that stands beside the URL', () => {
    expect(of({ url: 'redis://h', database: 4 }).common).toMatchObject({ db: 4, port: 6379 });
    expect(() => of({ url: 'redis://h/3', database: 4 })).toThrow(
      'has database 4, and its url names database 3',
    );
    expect(of({ url: 'redis://h/4', database: 4 }).common).toMatchObject({ db: 4 });
  });

  it('of a cluster are each asked for by their names, also those that are announced later', () => {
    const { nodes, placeOf } = of({ cluster: ['a:1', '10.0.0.1:1'], tls: {}, natMap: { 'b:1': 'c:2' } });
    expect(nodes.map(({ tls }) => tls?.servername)).toEqual(['a', undefined]);
    expect(placeOf('b:1')).toMatchObject({ host: 'c', port: 2, tls: { servername: 'c' } });
    expect(placeOf('fe80::1:6379')).toMatchObject({ host: 'fe80::1', port: 6379 });
  });

  it('behind sentinels are asked for by their names, and sentinels where they have one name', () => {
    const { common, placeOf } = of({ sentinels: ['s:1', 's:2'], tls: {} });
    expect(common.sentinelTLS?.servername).toBe('s');
    expect(placeOf('primary:6379')).toMatchObject({ host: 'primary', port: 6379, servername: 'primary' });
    expect(of({ sentinels: ['s:1', 't:2'], tls: {} }).common.sentinelTLS?.servername).toBeUndefined();
    expect(of({ sentinels: ['s:1'], tls: { serverName: 'x' } }).placeOf('p:1').servername).toBe('x');
  });

  it.each([
    [{ url: 'redis://h', username: 'ana' }, 'a user and no password'],
    [{ url: 'redis://ana@h' }, 'a user and no password'],
    [{ sentinels: ['s:1'], sentinelUsername: 'ana' }, 'sentinelUsername and no sentinelPassword'],
    [{ url: 'redis://h', sentinelPassword: 'S3CR3T' }, 'sentinelPassword and no sentinels'],
    [{ url: 'redis://h', natMap: { 'a:1': 'b:1' } }, 'natMap'],
    [{ cluster: ['a:1'], database: 1 }, 'only database 0'],
  ])('are refused with what the client would ignore: %j', (options, problem) => {
    expect(() => of(options)).toThrow(problem);
    expect(() => of(options)).not.toThrow('S3CR3T');
  });

  it.each([
    'redis://h/abc',
    'redis://h/1001',
    'redis://h/-1',
    'redis://h/1.5',
    'redis://h/0/1',
    'redis://h/0x1',
  ])('have a number as database: not %s', (url) =>
    expect(() => of({ url })).toThrow('has a database that is no number from 0 to 1000'),
  );
});
