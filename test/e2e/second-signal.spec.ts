import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { eventually, startDemonstration } from '../support/demonstration.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

/** Replaces the handler of billing by one that never returns. */
const HANGING = `
  import { BillingHandler } from ${JSON.stringify(pathToFileURL(resolve('dist/esm/modules/billing/billing.handler.js')).href)};
  const { prototype } = BillingHandler;
  const hanging = () => {
    process.stderr.write('the handler hangs');
    return new Promise(() => undefined);
  };
  prototype.charge = hanging;
`;
const preload = `data:text/javascript,${encodeURIComponent(HANGING)}`;

it('ends at the second SIGTERM while a handler hangs, and at the first one only waits', async () => {
  const app = await startDemonstration(data.path, { NODE_OPTIONS: `--import ${preload}` });
  await fetch(`${app.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId: '1', customer: 'ada', total: 1 }),
  });
  await eventually(() => app.output().includes('the handler hangs') || undefined);
  let hasEnded = false;
  const ended = app.end('SIGTERM').finally(() => (hasEnded = true));
  await wait(1_000);
  expect(hasEnded).toBe(false);
  const secondAt = performance.now();
  void app.end('SIGTERM');
  expect(await ended).toBe(1);
  expect(performance.now() - secondAt).toBeLessThan(2_000);
}, 120_000);
