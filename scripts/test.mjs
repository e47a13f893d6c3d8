/**
 * Runs the tests of each change, in minutes, and ends with the line `N passed, N failed`, and the number of
 * skipped ones if there are any. Its parts are in test-plan.mjs; all tests are `npm run test:full`.
 *
 *   npm test                 the parts
 *   npm test -- embedded     the specs that Jest finds for these arguments
 *
 * The brokers that the wanted specs need are provided first, see brokers.mjs. Without one, its specs are skipped, which
 * counts as failed on CI.
 */
import * as path from 'node:path';
import { parseArgs } from 'node:util';

import { prepare, ROOT } from './bootstrap.mjs';
import { provideBrokers } from './brokers.mjs';
import { capture } from './capture.mjs';
import { runScript } from './run-script.mjs';
import { JEST, runSpecs } from './run-specs.mjs';
import { needsOf, PARTS, planned, specFiles } from './test-plan.mjs';
import { addCounts, durationText, summarize, summaryLine } from './test-summary.mjs';

const startedAt = performance.now();
const { report: reportFile, jestArgs } = parseArguments(process.argv.slice(2));

let summarized = false;
// An early end of this process (a failed install or build, a signal) must not look like a run without failures.
process.once('exit', () => {
  if (!summarized) console.log('0 passed, 1 failed');
});

await prepare({ build: true });
const summary = jestArgs.length === 0 ? await runParts() : await runChosen();
for (const line of summary.lines) console.log(line);
console.log(`npm test took ${durationText(performance.now() - startedAt)}`);
console.log(summaryLine(summary));
summarized = true;
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1;

/** Removes the project's own option; all others are for Jest. */
function parseArguments(args) {
  const options = { report: { type: 'string' } };
  const { values, tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const own = new Set();
  for (const token of tokens) {
    if (token.kind !== 'option' || !Object.hasOwn(options, token.name)) continue;
    own.add(token.index);
    if (token.value !== undefined && !token.inlineValue) own.add(token.index + 1);
  }
  return { ...values, jestArgs: args.filter((_, index) => !own.has(index)) };
}

async function brokersFor(needs) {
  const brokers = await provideBrokers(needs, { containers: reportFile === undefined });
  for (const { reason } of Object.values(brokers)) if (reason) console.error(`\n*** ${reason}\n`);
  return brokers;
}

/** Runs the lanes side by side, and the parts of a lane one after the other. */
async function runParts() {
  const parts = planned(PARTS, specFiles(ROOT));
  const brokers = await brokersFor(parts.flatMap(({ needs }) => needs));
  const results = [];
  const counts = [];
  const lanes = [...new Set(parts.map(({ lane }) => lane))];
  await Promise.all(
    lanes.map(async (lane) => {
      for (const part of parts.filter((each) => each.lane === lane)) {
        const { result, count } = await runPart(part, brokers);
        results.push(...(result ?? []));
        if (count !== undefined) counts.push(count);
      }
    }),
  );
  return counts.reduce(addCounts, summaryOf(results));
}

/** The output of a part is printed in one piece, because two lanes would otherwise interleave. */
async function runPart(part, brokers) {
  console.log(`begins  ${part.name}`);
  const begun = performance.now();
  let output = '';
  const onOutput = (data) => (output += data);
  const done = part.script
    ? { count: { name: part.name, ...(await runScript(part, onOutput)) } }
    : { result: await runSpecs(part, brokers, { onOutput }) };
  const { passed, failed, skipped } = done.count ?? summaryOf(done.result);
  process.stderr.write(output);
  const verdict = failed === 0 ? 'ok    ' : 'FAILED';
  const time = durationText(performance.now() - begun);
  console.log(`${verdict}  ${part.name} in ${time}: ${summaryLine({ passed, failed, skipped })}`);
  return done;
}

/** Runs the specs that Jest finds for the arguments. */
async function runChosen() {
  const { status, output } = await capture(
    process.execPath,
    [JEST, '--listTests', '--passWithNoTests', ...jestArgs],
    { cwd: ROOT },
  );
  if (status !== 0) {
    console.error(output);
    process.exit(1);
  }
  const prefix = ROOT + path.sep;
  const files = output
    .split('\n')
    .filter((line) => line.startsWith(prefix) && line.endsWith('.spec.ts'))
    .map((line) => line.slice(prefix.length).split(path.sep).join('/'));
  const brokers = await brokersFor(files.flatMap(needsOf));
  const run = { name: 'chosen', files, args: ['--runInBand', ...jestArgs], byArguments: true };
  return summaryOf(await runSpecs(run, brokers, { reportFile }));
}

function summaryOf(results) {
  return summarize(results, { strictSkips: process.env.CI === 'true', root: ROOT });
}
