import { pageBlocks } from '../support/getting-started.js';

/** Lines that an application writes to use these brokers, without those of its own modules. */
const MOST_LINES = [
  ['Redis', 15],
  ['Failover with a spool', 20],
] as const;

it.each(MOST_LINES)('%s takes at most %i lines', (heading, most) => {
  const [block] = pageBlocks().filter((each) => each.heading === heading);
  const lines = (block?.code ?? '')
    .split('\n')
    .filter((line) => line !== '' && !line.includes('OrdersModule'));
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.length).toBeLessThanOrEqual(most);
});

it('the README leads there', async () => {
  const { readFile } = await import('node:fs/promises');
  const readme = await readFile('README.md', 'utf8');
  expect(readme.indexOf('docs/using/getting-started.md')).toBeGreaterThan(0);
  expect(readme.indexOf('docs/using/getting-started.md')).toBeLessThan(readme.indexOf('## What you get'));
});
