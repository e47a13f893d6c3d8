/**
 * `npm run unit -- <file or words>`: runs the pure specs whose path contains one of the words, at once, without
 * installing, building or starting a server. Without words, it runs all pure specs. `-t words` selects tests by name.
 */
import * as fs from 'node:fs';
import { parseArgs } from 'node:util';

import { ROOT } from './bootstrap.mjs';
import { runCommand } from './run-command.mjs';
import { JEST } from './run-specs.mjs';
import { PURE_GROUPS, planned, specFiles } from './test-plan.mjs';

const { values, positionals } = parseArgs({
  options: { testNamePattern: { type: 'string', short: 't' } },
  allowPositionals: true,
});
if (!fs.existsSync(JEST)) fail('The packages are not installed: npm ci installs them.');

const words = positionals.map((word) => word.replace(/^\.\//, ''));
const isWanted = (file) => words.length === 0 || words.some((word) => file.includes(word));
const files = planned(PURE_GROUPS, specFiles(ROOT)).flatMap((group) => group.files.filter(isWanted));
if (files.length === 0) fail(explain());
const tests = values.testNamePattern === undefined ? [] : ['-t', values.testNamePattern];
const lanes = files.length === 1 ? '--runInBand' : '--maxWorkers=2';
const code = await runCommand(process.execPath, [JEST, lanes, ...tests, '--runTestsByPath', ...files]);
process.exitCode = typeof code === 'number' ? code : 1;

function explain() {
  const others = specFiles(ROOT).filter(isWanted);
  if (others.length === 0) return `No spec has ${words.join(' or ')} in its path.`;
  return `Only specs that need a build or a server match: ${others.join(', ')}. Try npm test -- ${words.join(' ')}`;
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
