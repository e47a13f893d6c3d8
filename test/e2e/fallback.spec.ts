import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

/** A monolith whose only transport keeps nothing, as if it were a broker that we give up on. */
const MAIN = { SWITCHYARD_TRANSPORTS: '{main: {kind: memory}}' };

async function place(
  app: Demonstration,
  orderId: string,
): Promise<{ transport: string; durability: string }> {
  const response = await fetch(`${app.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId, customer: 'flaky', total: 1 }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { receipt: { transport: string; durability: string } }).receipt;
}

function hasHandled(orderId: string): boolean {
  const groups = readFileSync(join(data.path, 'ledger.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"orderId":"${orderId}"`));
  return groups.length >= 3;
}

it('sends every route to the embedded log, and what it holds is handled after the way back', async () => {
  const first = await startDemonstration(data.path, MAIN);
  expect(await place(first, 'before')).toMatchObject({ transport: 'main', durability: 'memory' });
  await eventually(() => hasHandled('before') || undefined);
  await first.end('SIGTERM');

  const fallen = await startDemonstration(data.path, { ...MAIN, SWITCHYARD_FALLBACK: 'embedded' });
  expect(await place(fallen, 'during')).toMatchObject({ transport: 'fallback', durability: 'acknowledged' });
  await fallen.end('SIGKILL');
  expect(hasHandled('during')).toBe(false);

  const back = await startDemonstration(data.path, MAIN);
  expect(await place(back, 'after')).toMatchObject({ transport: 'main' });
  await eventually(() => (hasHandled('during') && hasHandled('after')) || undefined);
  await back.end('SIGTERM');
}, 120_000);
