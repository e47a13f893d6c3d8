/**
 * Runs the unit specs, the transports that need no server, and an application with the packed package on each version
 * of Node in `test/fixtures/node-versions`. Ends with the line `N passed, N failed`.
 *
 *   node scripts/node-versions.mjs              all of them
 *   node scripts/node-versions.mjs 20.19 26     these
 *
 * Leaves out the specs of test/architecture and of the tools, because they are no part of the package.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { fixtureFolder, installedPackages } from './fixtures.mjs';
import { runScript } from './run-script.mjs';
import { runSpecs } from './run-specs.mjs';
import { specFiles } from './test-plan.mjs';
import { addCounts, durationText, summarize, summaryLine } from './test-summary.mjs';

const FIXTURE = 'node-versions';
const PLATFORM = `${process.platform}-${process.arch}`;
const SHARED = ['--maxWorkers=2'];
const STEPS = [
  { name: 'units', files: specFiles(ROOT).filter((file) => file.startsWith('src/')), args: SHARED },
  // Its embedded half loads lmdb, which has a binary for each ABI of Node.
  {
    name: 'memory and embedded',
    files: [
      'test/conformance/embedded-stores.conformance.spec.ts',
      'test/conformance/embedded.conformance.spec.ts',
      'test/conformance/memory-stores.conformance.spec.ts',
      'test/conformance/memory.conformance.spec.ts',
    ],
    args: SHARED,
  },
  { name: 'packed package', script: 'scripts/fixture-apps.mjs', args: ['nest-11'] },
];

const versions = pinnedVersions();
const chosen = process.argv.length > 2 ? process.argv.slice(2) : [...versions.keys()];
const unknown = chosen.filter((name) => !versions.has(name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}, but there are: ${[...versions.keys()].join(', ')}.`);
  process.exit(2);
}
await prepare({ build: true });
const packages = await installedPackages(FIXTURE);
let summary = summarize([], { root: ROOT });
for (const name of chosen) await runOn(name, versions.get(name));
for (const line of summary.lines.filter((text) => text.startsWith('failed:'))) console.log(line);
console.log(summaryLine(summary));
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1;

/** The exact version of each name: 20.19.0 of `20.19`. */
function pinnedVersions() {
  const file = path.join(fixtureFolder(FIXTURE), 'package-lock.json');
  const { packages: locked } = JSON.parse(fs.readFileSync(file, 'utf8'));
  return new Map(
    Object.entries(locked).flatMap(([place, { version }]) => {
      const name = /^node_modules\/node-([\d.]+)-/.exec(place)?.[1];
      return name === undefined ? [] : [[name, version]];
    }),
  );
}

async function runOn(name, version) {
  const bin = path.join(packages, 'node_modules', `node-${name}-${PLATFORM}`, 'bin');
  const node = path.join(bin, 'node');
  const { output } = await capture(node, ['--version'], {});
  if (output.trim() !== `v${version}`) {
    const reason =
      `${node} does not run (${output.trim()}). If node-${PLATFORM} is missing in ` +
      `test/fixtures/${FIXTURE}/package.json, add it; otherwise delete ${packages} and try again.`;
    count(`Node ${version}`, {
      passed: 0,
      failed: 1,
      skipped: 0,
      lines: [`failed: Node ${version}: ${reason}`],
    });
    return;
  }
  // npm looks for Node on the path, and so do the commands that it starts.
  const env = { PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  for (const step of STEPS) {
    const startedAt = performance.now();
    const title = `Node ${version}: ${step.name}`;
    const found = await (step.script === undefined ? runSpecStep : runScriptStep)(
      { ...step, env, node },
      title,
    );
    count(`${title} in ${durationText(performance.now() - startedAt)}`, found);
  }
}

async function runSpecStep(step, title) {
  // What Jest prints is repeated by the summary where a spec fails.
  const results = await runSpecs({ ...step, name: title }, {}, { onOutput: () => undefined });
  const found = summarize(results, { root: ROOT });
  return { ...found, lines: found.lines.map((line) => line.replace(/^failed:/, `failed: ${title}:`)) };
}

async function runScriptStep(step, title) {
  const counts = await runScript(step, (data) => process.stdout.write(data));
  return addCounts({ passed: 0, failed: 0, skipped: 0, lines: [] }, { name: title, ...counts });
}

function count(title, found) {
  summary = { ...addCounts(summary, { ...found, failed: 0 }), failed: summary.failed + found.failed };
  summary.lines.push(...found.lines);
  console.log(`${found.failed === 0 ? 'ok    ' : 'FAILED'} ${title}: ${summaryLine(found)}`);
}
