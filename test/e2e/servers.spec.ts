import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Stand in for the tools of Debian: note that they were called, and fail. */
const FAKE_TOOL = '#!/bin/sh\necho "$0 $@" >> "$CALLS"\nexit 1\n';

const data = temporaryDirectory();
const calls = path.join(data.path, 'calls.log');
afterAll(() => data.remove());

beforeAll(() => {
  for (const name of ['apt-get', 'apt-cache', 'docker', 'mvn', 'npm'])
    fs.writeFileSync(path.join(data.path, name), FAKE_TOOL, { mode: 0o755 });
});

/** On a machine with nothing but these stand-ins. */
function run(script: string, ...args: string[]): { readonly status: number | null; readonly stderr: string } {
  const env = { PATH: data.path, HOME: data.path, CALLS: calls, NO_INSTALL: '1' };
  return spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8' });
}

it.each([
  ['npm run brokers', 'scripts/brokers.mjs', ['redis', 'kafka', 'old-redis', 'openssl']],
  ['npm run bench', 'scripts/bench.mjs', ['redis', 'kafka']],
])('%s installs nothing with NO_INSTALL=1, and says what is missing', (_, script, names) => {
  const { status, stderr } = run(script, ...names);
  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toEqual(
    names.map(
      (name) => expect.stringMatching(`^no ${name}: .* NO_INSTALL=1 forbids to install it`) as string,
    ),
  );
  // Of a tool that is there, only the version may have been asked for.
  const called = fs.existsSync(calls) ? fs.readFileSync(calls, 'utf8') : '';
  expect(called.split('\n').filter((line) => line !== '' && !line.endsWith('mvn -version'))).toEqual([]);
});

it('npm run brokers names what there is when asked for something else', () => {
  const { status, stderr } = run('scripts/brokers.mjs', 'mysql');
  expect(status).toBe(2);
  expect(stderr).toContain('npm run brokers [-- openssl redis old-redis rabbitmq debian-13 kafka]');
});
