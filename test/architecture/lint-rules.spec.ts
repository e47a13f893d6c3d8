import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const ENVIRONMENT = "export const home = process.env['HOME'];";
const META = 'export const here = import.meta.url;';

/** For each rule, files that break it. */
const VIOLATIONS: readonly (readonly [rule: string, file: string, text: string])[] = [
  ['no-restricted-properties', 'src/app.config.ts', ENVIRONMENT],
  ['no-restricted-properties', 'src/config/environment.ts', ENVIRONMENT],
  ['no-restricted-properties', 'src/switchyard/a.ts', ENVIRONMENT],
  ['no-restricted-syntax', 'src/core/messaging/a.ts', META],
  ['no-restricted-syntax', 'src/dashboard/a.ts', META],
  ['no-restricted-syntax', 'src/app.module.ts', META],
  ['no-restricted-syntax', 'src/cli/a.ts', 'export const load = (name: string): unknown => import(name);'],
  ['no-restricted-syntax', 'src/cli/b.ts', "await import('node:fs');"],
  ['no-restricted-syntax', 'src/cli/c.ts', "export const fs = await import('node:fs');"],
  ['no-restricted-syntax', 'src/cli/d.ts', 'export default 1;'],
  ['no-restricted-globals', 'src/dashboard/b.ts', 'export const here = __dirname;'],
  ['no-restricted-globals', 'src/dashboard/c.ts', "export const fs: unknown = require('node:fs');"],
  [
    'no-restricted-imports',
    'src/dashboard/d.ts',
    "import { createRequire } from 'node:module';\nexport const load = createRequire('/');",
  ],
  ['no-restricted-imports', 'src/core/messaging/c.ts', "export { Logger } from '@nestjs/common';"],
];

/** What the rules must leave alone. */
const ALLOWED: readonly (readonly [file: string, text: string])[] = [
  ['src/config/sources.ts', ENVIRONMENT],
  ['src/main.ts', META],
  ['scripts/a.ts', META],
  ['src/core/messaging/b.ts', "export const load = async (): Promise<unknown> => await import('node:fs');"],
];

interface Linted {
  readonly filePath: string;
  readonly messages: readonly { readonly ruleId: string | null; readonly message: string }[];
}

describe('the lint rules', () => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-lint-')));
  let results: readonly Linted[] = [];

  beforeAll(() => {
    for (const name of ['eslint.config.mjs', 'tsconfig.json'])
      fs.copyFileSync(name, path.join(directory, name));
    fs.writeFileSync(path.join(directory, 'package.json'), '{ "type": "module" }');
    fs.symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
    for (const [file, text] of [...VIOLATIONS.map(([, ...rest]) => rest), ...ALLOWED]) {
      fs.mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
      fs.writeFileSync(path.join(directory, file), `${text}\n`);
    }
    const eslint = path.resolve('node_modules/eslint/bin/eslint.js');
    const { stdout } = spawnSync(process.execPath, [eslint, '--format=json', '.'], {
      cwd: directory,
      encoding: 'utf8',
    });
    results = JSON.parse(stdout);
  });

  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it.each(VIOLATIONS)('%s catches %s: %s', (rule, file) => expect(rulesBrokenIn(file)).toContain(rule));

  it.each(ALLOWED)('allow %s: %s', (file) => expect(rulesBrokenIn(file)).toEqual([]));

  function rulesBrokenIn(file: string): unknown[] {
    const found = results.find(({ filePath }) => filePath === path.join(directory, file));
    if (found === undefined) throw new Error(`${file} was not linted.`);
    return found.messages.map(({ ruleId, message }) => ruleId ?? message);
  }
});
