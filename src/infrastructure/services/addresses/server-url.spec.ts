import { readServerUrl } from './server-url.js';

const SCHEMES = ['redis', 'rediss'];
const SECRET = 'S3CR3T';

describe('The URL of a server', () => {
  it.each([
    ['redis://h', { scheme: 'redis', host: 'h' }],
    ['REDISS://h/', { scheme: 'rediss', host: 'h' }],
    ['redis://h:6380/3', { scheme: 'redis', host: 'h', port: 6380, path: '3' }],
    ['redis://ana:p%40ss%3A%2F%25@h', { scheme: 'redis', host: 'h', username: 'ana', password: 'p@ss:/%' }],
    ['redis://:pw@h', { scheme: 'redis', host: 'h', password: 'pw' }],
    ['redis://ana@h', { scheme: 'redis', host: 'h', username: 'ana' }],
    ['redis://ana:a:b@h', { scheme: 'redis', host: 'h', username: 'ana', password: 'a:b' }],
    ['redis://ana:@h', { scheme: 'redis', host: 'h', username: 'ana' }],
    ['redis://p%C3%A4:w@h', { scheme: 'redis', host: 'h', username: 'pä', password: 'w' }],
    ['redis://[::1]:6380', { scheme: 'redis', host: '::1', port: 6380 }],
    ['redis://[fe80::1%25eth0]', { scheme: 'redis', host: 'fe80::1%eth0' }],
    ['redis://my_redis.internal.:1', { scheme: 'redis', host: 'my_redis.internal.', port: 1 }],
    ['redis://h/%2Fa%20b', { scheme: 'redis', host: 'h', path: '/a b' }],
    ['redis://h//', { scheme: 'redis', host: 'h', path: '/' }],
  ])('is read: %s', (text, url) => {
    expect(readServerUrl(text, SCHEMES)).toEqual({ url });
  });

  it.each([
    ['', 'starts with redis:// or rediss://'],
    [SECRET, 'starts with redis:// or rediss://'],
    [`amqp://u:${SECRET}@h`, 'starts with redis:// or rediss://'],
    ['redis://', 'names no host'],
    [`redis://u:${SECRET}@`, 'names no host'],
    ['redis://:6379', 'names no host'],
    [`redis://:${SECRET}#x@h`, '"#"'],
    [`redis://u:12/${SECRET}@h:6379/0`, '"@" behind its host'],
    [`redis://u:${SECRET}@x@h`, '"@" behind its host'],
    [`redis://u:${SECRET}?x@h`, '"@" behind its host'],
    [`redis://u:${SECRET}100%@h`, '"%"'],
    [`redis://u:${SECRET}%FF@h`, '"%"'],
    [`redis://u:${SECRET}`, 'port that is no number'],
    ['redis://h:0', 'port that is no number'],
    ['redis://h:65536', 'port that is no number'],
    ['redis://h:', 'port that is no number'],
    [`redis://h?password=${SECRET}`, 'behind a "?"'],
    [`redis://u:${SECRET} x@h`, 'space or a control character'],
    [`redis://u:${SECRET}\n@h`, 'space or a control character'],
    [`redis://h,${SECRET}`, 'host that cannot be read'],
    [`redis://[${SECRET}]`, 'host that cannot be read'],
    ['redis://::1', 'names no host'],
    [`redis://h/${SECRET}%`, '"%"'],
  ])('is refused without a word of it: %s', (text, problem) => {
    const read = readServerUrl(text, SCHEMES);
    expect(read).toEqual({ problem: expect.stringContaining(problem) });
    expect(JSON.stringify(read)).not.toContain(SECRET);
  });
});
