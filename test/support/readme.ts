import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Demonstration, eventually } from './demonstration.js';

const readme = readFileSync('README.md', 'utf8');

/** Code of the README's blocks in this language, in order. */
export function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp('```' + language + '\\n([\\s\\S]*?)```', 'g'))].map(
    ([, code]) => code ?? '',
  );
}

/** Runs a command and resolves with what it printed; rejects with its errors. */
export function run(
  command: string,
  args: readonly string[],
  { cwd, timeoutMs = 60_000 }: { readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) done(output);
      else fail(new Error(`${command} ended with ${code ?? 'a signal'}: ${errors}`));
    });
  });
}

/**
 * Does what the README's walk says against an application: an order that is handled by three groups, one that billing cannot
 * charge, its dead letter, and the replay that brings it to billing only.
 *
 * @param receipt what the first order's receipt must say.
 */
export async function walkThroughReadme(
  app: Demonstration,
  directory: string,
  receipt: Readonly<Record<string, string>>,
): Promise<void> {
  const [, , place, broken, list, replay] = blocks('sh').map((block) =>
    block.replaceAll('localhost:3000', app.url),
  );
  const shell = (script: string | undefined): Promise<string> =>
    run('bash', ['-ec', script ?? ''], { cwd: directory });
  expect(JSON.parse((await shell(place?.split('\n')[0])).trim())).toMatchObject({
    orderId: 'o-1',
    receipt: { status: 'accepted', ...receipt },
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
  expect(await shell(key + (replay ?? ''))).toMatch(/"kind":"replay","state":"completed"/);
  await eventually(async () => ((await handledBy('o-2')).length === 3 ? true : undefined));
  await new Promise((resolveLater) => setTimeout(resolveLater, 500));
  expect(await handledBy('o-2')).toEqual(['billing', 'inventory', 'notifications']);
}
