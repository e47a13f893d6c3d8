import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { blocks, run, walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

it('the example of the README runs and handles its message', async () => {
  const [example] = blocks('ts');
  // Below the project, so that its packages are found.
  const directory = mkdtempSync(join('test', '.readme-'));
  try {
    const file = join(directory, 'example.ts');
    const code = `${example?.replace("'switchyard'", `'${resolve('src/index.ts')}'`)}
      setTimeout(() => void app.close(), 1_500);`;
    writeFileSync(file, code.replace("'./data'", `'${resolve(directory, 'data')}'`));
    const output = await run(process.execPath, ['--import', '@swc-node/register/esm-register', file]);
    expect(output).toContain('charged 42 for o-1');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 90_000);

describe('the walk through the README', () => {
  const data = temporaryDirectory();
  let app: Demonstration;
  beforeAll(async () => (app = await startDemonstration(join(data.path, 'data'))), 90_000);
  afterAll(async () => {
    await app.end('SIGTERM');
    data.remove();
  });

  it(
    'does what it says',
    () => walkThroughReadme(app, data.path, { transport: 'local', durability: 'acknowledged' }),
    90_000,
  );

  it('fails an order of the customer "flaky" twice', async () => {
    await fetch(`${app.url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orderId: 'o-3', customer: 'flaky', total: 1 }),
    });
    const billing = await eventually(async () => {
      const order = (await (await fetch(`${app.url}/orders/o-3`)).json()) as {
        handled?: { group: string; attempt: number }[];
      };
      return order.handled?.find(({ group }) => group === 'billing');
    });
    expect(billing.attempt).toBe(3);
  }, 60_000);
});
