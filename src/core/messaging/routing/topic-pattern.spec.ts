import { compilePattern, problemOfPattern } from './topic-pattern.js';

const matches = (pattern: string, topic: string): boolean => compilePattern(pattern)(topic);

describe('a pattern', () => {
  it.each([
    ['orders.placed', 'orders.placed'],
    ['orders.*', 'orders.placed'],
    ['*.placed', 'orders.placed'],
    ['**', 'orders'],
    ['**', 'orders.eu.placed'],
    ['audit.**', 'audit'],
    ['audit.**', 'audit.login.failed'],
    ['**.failed', 'audit.login.failed'],
    ['a.**.d', 'a.d'],
    ['a.**.d', 'a.b.c.d'],
    ['a.**.c.**.e', 'a.b.c.c.d.e'],
    ['**.a.*.c', 'a.a.b.c'],
  ])('%s matches %s', (pattern, topic) => {
    expect(matches(pattern, topic)).toBe(true);
  });

  it.each([
    ['orders.placed', 'orders.placed.eu'],
    ['orders.*', 'orders'],
    ['orders.*', 'orders.eu.placed'],
    ['*', 'orders.placed'],
    ['audit.**', 'auditing.login'],
    ['a.**.d', 'a.b.c'],
    ['**.failed', 'audit.failed.twice'],
  ])('%s does not match %s', (pattern, topic) => {
    expect(matches(pattern, topic)).toBe(false);
  });

  it('is compared literally, whatever regular expressions make of it', () => {
    expect(matches('a+', 'aa')).toBe(false);
    expect(problemOfPattern('(a+)+$')).toContain('"(a+)+$"');
  });

  it('takes time in proportion to the topic, not exponential time', () => {
    const topic = Array.from({ length: 2_000 }, () => 'a').join('.');
    const startedAt = performance.now();
    expect(matches('**.a.**.a.**.a.**.b', topic)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('has a bounded number of segments', () => {
    expect(problemOfPattern(Array.from({ length: 65 }, () => 'a').join('.'))).toContain('64 segments');
  });
});
