import { problemsOf } from '../test/support/load-config.js';

const rabbit = (options: string): string => `transports: {work: {kind: rabbitmq, ${options}}}`;

describe('Transports', () => {
  it.each([
    ['no URL', 'urls: []', 'urls'],
    ['a URL of something else', "urls: ['redis://canary-4f1c@mq']", 'amqp://'],
    ['two virtual hosts', "urls: ['amqp://mq/a', 'amqp://mq/b']", 'different virtual hosts'],
    ['TLS that nothing uses', "urls: ['amqp://mq'], tls: {}", 'no URL starts with amqps://'],
    [
      'half a certificate',
      "urls: ['amqps://mq'], tls: {certFile: a}",
      'tls.certFile and tls.keyFile together',
    ],
    ['a number of partitions', "urls: ['amqp://mq'], keyPartitions: 3", 'power of two'],
    ['a heartbeat', "urls: ['amqp://mq'], heartbeatMs: 1500ms", 'heartbeatMs'],
  ])('of RabbitMQ are refused with a reason: %s', (_, options, problem) => {
    const problems = problemsOf({ file: rabbit(options) });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
    expect(problems[0]).not.toContain('canary');
  });
});

describe('Transports that combine others', () => {
  const members = 'a: {kind: memory}, b: {kind: memory}';
  const file = (options: string, more = ''): string =>
    `transports: {${members}, main: {kind: failover, ${options}}${more}}\nroutes: [{match: '**', transport: main}]\n`;

  it('are fine with members that are there', () => {
    expect(problemsOf({ file: file('members: [a, b]') })).toEqual([]);
    expect(
      problemsOf({ file: file('members: [a, b]', ', all: {kind: failover, members: [main, b]}') }),
    ).toEqual([]);
  });

  it.each([
    ['a member that is not there', 'members: [a, c]', '', ['names the transport "c"']],
    ['a member twice', 'members: [a, a]', '', ['names "a" twice']],
    ['one member', 'members: [a]', '', ['members']],
    ['itself', 'members: [a, main]', '', ['leads back to "main"']],
    ['a circle', 'members: [a, all]', ', all: {kind: failover, members: [main, b]}', ['"all"', '"main"']],
  ])('are refused with a reason: %s', (_, options, more, parts) => {
    const problems = problemsOf({ file: file(options, more) }).join('\n');
    for (const part of parts) expect(problems).toContain(part);
  });

  it('are refused with a weight that is missing, zero or negative', () => {
    const balanced = (weights: string): string =>
      problemsOf({ file: file(`members: [a, b], weights: ${weights}`).replace('failover', 'balanced') }).join(
        '\n',
      );
    expect(balanced('[1, 2]')).toBe('');
    expect(balanced('[1]')).toContain('as many weights as members');
    expect(balanced('[1, 0]')).toContain('weights');
    expect(balanced('[1, -1]')).toContain('weights');
  });

  const spooled = (options: string): string =>
    `transports: {a: {kind: memory}, disk: {kind: embedded}, main: {kind: spooled, ${options}}}\nroutes: [{match: '**', transport: main}]\n`;

  it('are fine with a spool on the disk', () => {
    expect(problemsOf({ file: spooled('transport: a, spool: disk') })).toEqual([]);
  });

  it.each([
    ['a spool that is not there', 'transport: a, spool: disc', 'names the transport "disc"'],
    ['a spool in memory', 'transport: disk, spool: a', 'kind embedded'],
    ['no spool', 'transport: a', 'spool'],
    ['a spool that is the transport', 'transport: disk, spool: disk', 'names "disk" twice'],
    ['itself behind its spool', 'transport: main, spool: disk', 'leads back to "main"'],
  ])('are refused with a reason: %s', (_, options, part) => {
    expect(problemsOf({ file: spooled(options) }).join('\n')).toContain(part);
  });
});
