import { nearestName } from './did-you-mean.js';

const known = ['transports', 'routes', 'drainTimeoutMs', 'deadLetters'];

it.each([
  ['transport', 'transports'],
  ['trasnports', 'transports'],
  ['ROUTES', 'routes'],
  ['drainTimeout', 'drainTimeoutMs'],
  ['dead_letters', 'deadLetters'],
])('reads %s as %s', (name, meant) => expect(nearestName(name, known)).toBe(meant));

it('suggests nothing for a name that is close to none', () =>
  expect(nearestName('colour', known)).toBeUndefined());

it('answers at once for a hostile name', () => {
  const startedAt = performance.now();
  nearestName('x'.repeat(1_000_000), known);
  expect(performance.now() - startedAt).toBeLessThan(500);
});
