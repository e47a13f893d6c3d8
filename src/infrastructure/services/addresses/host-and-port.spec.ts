import { isLoopback, readHostAndPort, writeHostAndPort } from './host-and-port.js';

const SECRET = 'S3CR3T';

describe('An address', () => {
  it.each([
    ['h:1', { host: 'h', port: 1 }],
    ['kafka-0.kafka.svc.cluster.local:65535', { host: 'kafka-0.kafka.svc.cluster.local', port: 65_535 }],
    ['127.0.0.1:9092', { host: '127.0.0.1', port: 9092 }],
    ['[::1]:9092', { host: '::1', port: 9092 }],
  ])('is read, and written as it was: %s', (text, address) => {
    expect(readHostAndPort(text)).toEqual({ address });
    expect(writeHostAndPort(address)).toBe(text);
  });

  it.each([
    [`u:${SECRET}@h:1`, 'holds no user or password'],
    [`${SECRET}://h:1`, 'is a URL'],
    [SECRET, 'has no port'],
    [`h:${SECRET}`, 'port that is no number'],
    ['h:0', 'port that is no number'],
    ['h:65536', 'port that is no number'],
    ['::1:9092', 'without brackets'],
    ['2001:db8::1', 'without brackets'],
    [`[${SECRET}]:1`, 'host that cannot be read'],
    [`${SECRET}/x:1`, 'host that cannot be read'],
    [`h:1,${SECRET}:2`, 'port that is no number'],
    ['', 'host that cannot be read'],
  ])('is refused without a word of it: %s', (text, problem) => {
    const read = readHostAndPort(text);
    expect(read).toEqual({ problem: expect.stringContaining(problem) });
    expect(JSON.stringify(read)).not.toContain(SECRET);
  });

  it.each([
    'localhost',
    'LOCALHOST.',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
  ])('is of this machine: %s', (host) => expect(isLoopback(host)).toBe(true));

  it.each(['redis', 'localhost.example', '10.0.0.1', '128.0.0.1', '::2', '::', '1::1', '127.0.0.1.example'])(
    'is of another machine: %s',
    (host) => expect(isLoopback(host)).toBe(false),
  );
});
