import { nearestName } from './did-you-mean.js';

const known = ['transports', 'routes', 'drainTimeoutMs', 'deadLetters'];

it.each([
  ['transport', 'transports'],
  ['trasnports', 'transports'],
  ['ROUTES', 'routes'],
  ['drainTimeout', 'drainTimeoutMs'],
  ['dead_letters', 'deadLetters'],
])('%s stands for %s', (name, meant) => expect(nearestName(name, known)).toBe(meant));

it('suggests nothing for a name that is far from all', () =>
  expect(nearestName('colour', known)).toBeUndefined());

it('answers at once for a hostile name', () => {
  const startedAt = performance.now();
  nearestName('x'.repeat(1_000_000), known);
  expect(performance.now() - startedAt).toBeLessThan(500);
});
