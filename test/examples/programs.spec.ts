import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePorts } from '../support/brokers/server-process.js';
import { eventually } from '../support/demonstration.js';
import { placeOrder } from '../support/example.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

/** Those that need no server, as their README starts them. */
it.each([
  ['embedded', {}],
  ['config-service', {}],
  ['own-endpoints', { authorization: 'Bearer ana' }],
  ['custom-transport', {}],
])('%s starts, handles a message and ends by SIGTERM', async (name, headers) => {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const args = ['--import', '@swc-node/register/esm-register', `examples/${name}/main.ts`];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_ENV: 'production', PORT: String(port), DATA_DIR: join(data.path, name) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(output);
      return (await fetch(url).catch(() => undefined)) && true;
    });
    expect(await placeOrder(url, { headers })).toMatchObject({ status: 'accepted' });
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(output).not.toMatch(/error|warn/i);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});
