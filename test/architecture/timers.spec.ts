import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

const CLOCK = 'src/core/messaging/ports/clock.ts';
const ANYWHERE = 'src/infrastructure/services/kafka/kafka.transport.ts';

/** Ways to start a timer, each of which the lint rule must catch outside the clock. */
const VIOLATIONS = [
  'setTimeout(() => undefined, 10);',
  'setInterval(() => undefined, 10);',
  'globalThis.setTimeout(() => undefined, 10);',
  "import { setTimeout as pause } from 'node:timers/promises'; void pause(10);",
  "import { setTimeout as later } from 'timers'; later(() => undefined, 10);",
  "import * as timers from 'node:timers/promises'; void timers.setTimeout(10);",
  'void AbortSignal.timeout(10);',
];

/** What must be left alone. */
const ALLOWED = [
  [ANYWHERE, 'setImmediate(() => undefined);'],
  [ANYWHERE, "import { setImmediate as turn } from 'node:timers/promises'; await turn();"],
  [CLOCK, 'setTimeout(() => undefined, 10);'],
  [CLOCK, 'setInterval(() => undefined, 10);'],
] as const;

/** Runs the rules about timers on texts, each under the configuration of a file. */
const LINT = `
  import { ESLint, Linter } from 'eslint';
  const names = ['no-restricted-globals', 'no-restricted-imports', 'no-restricted-properties'];
  const globals = Object.fromEntries(
    ['setTimeout', 'setInterval', 'setImmediate', 'globalThis', 'AbortSignal'].map((name) => [name, 'readonly']),
  );
  const eslint = new ESLint();
  const linter = new Linter();
  const found = [];
  for (const [file, text] of JSON.parse(process.argv[1])) {
    const { rules } = await eslint.calculateConfigForFile(file);
    const kept = Object.fromEntries(names.filter((name) => rules[name]).map((name) => [name, rules[name]]));
    const problems = linter.verify(text, { rules: kept, languageOptions: { globals } });
    found.push(problems.map(({ message }) => message).join());
  }
  console.log(JSON.stringify(found));
`;

describe('timers', () => {
  const cases = [...VIOLATIONS.map((text) => [ANYWHERE, text] as const), ...ALLOWED];
  let found: string[] = [];

  beforeAll(() => {
    const args = ['--input-type=module', '--eval', LINT, JSON.stringify(cases)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 25_000 });
    if (stderr !== '') throw new Error(stderr);
    found = JSON.parse(stdout) as string[];
  });

  it.each(VIOLATIONS)('are not started by %s', (text) => {
    expect(found[VIOLATIONS.indexOf(text)]).toContain(CLOCK);
  });

  it.each(ALLOWED)('are left alone in %s: %s', (file, text) => {
    expect(found[cases.findIndex(([where, what]) => where === file && what === text)]).toBe('');
  });

  it('are started in the clock', () => {
    expect(fs.readFileSync(CLOCK, 'utf8')).toMatch(/\bsetTimeout\(/);
  });
});
