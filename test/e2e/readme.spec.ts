import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type Demonstration,
  eventually,
  startDemonstration,
  temporaryDirectory,
} from '../support/demonstration.js';

const readme = readFileSync('README.md', 'utf8');

/** Code of the README's blocks in this language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp('```' + language + '\\n([\\s\\S]*?)```', 'g'))].map(
    ([, code]) => code ?? '',
  );
}

function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) done(output);
      else fail(new Error(`${command} ended with ${code ?? 'a signal'}: ${errors}`));
    });
  });
}

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

  it('does what it says', async () => {
    const [, , place, broken, list, replay] = blocks('sh').map((block) =>
      block.replaceAll('localhost:3000', app.url),
    );
    const shell = (script: string | undefined): Promise<string> =>
      run('bash', ['-ec', script ?? ''], data.path);
    expect(JSON.parse((await shell(place?.split('\n')[0])).trim())).toMatchObject({
      orderId: 'o-1',
      receipt: { status: 'accepted', transport: 'local', durability: 'acknowledged' },
    });
    const handledBy = async (orderId: string): Promise<string[]> => {
      const response = await fetch(`${app.url}/orders/${orderId}`);
      const order = (await response.json()) as { handled?: { group: string }[] };
      return (order.handled ?? []).map(({ group }) => group).sort();
    };
    await eventually(async () => ((await handledBy('o-1')).length === 3 ? true : undefined));
    await shell(broken);
    await eventually(async () =>
      (await shell(list)).includes('"handler":"BillingHandler.charge"') ? true : undefined,
    );
    expect(await handledBy('o-2')).toEqual(['inventory', 'notifications']);
    const key = `KEY=${app.adminKey}\n`;
    expect(await shell(key + (replay ?? ''))).toContain('"status":"replay');
    await eventually(async () => ((await handledBy('o-2')).length === 3 ? true : undefined));
    await new Promise((resolveLater) => setTimeout(resolveLater, 500));
    expect(await handledBy('o-2')).toEqual(['billing', 'inventory', 'notifications']);
  }, 90_000);

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
