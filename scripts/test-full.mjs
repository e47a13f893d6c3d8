/**
 * `npm run test:full`: runs every group of test-plan.mjs, cheapest first, and records the results and inputs in
 * test/full-runs.json. Ends with the line `N passed, N failed`, and the number of skipped ones if there are any.
 *
 *   npm run test:full                      everything, in hours
 *   npm run test:full -- --group kafka     the groups with this name or prefix; may be repeated
 *   npm run test:full -- --resume          skips groups that passed with the same files and packages
 *   npm run test:full -- --loaded          each beside a busy loop, as on a shared machine
 *   npm run test:full -- --list            the groups, whether each is stale, and how long it takes
 *   npm run test:full -- --no-record       records nothing
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';

import { prepare, ROOT } from './bootstrap.mjs';
import { provideBrokers } from './brokers.mjs';
import { startBusyLoop } from './busy-loop.mjs';
import { FullRuns, sinceText } from './full-runs.mjs';
import { runScript } from './run-script.mjs';
import { runSpecs } from './run-specs.mjs';
import { GROUPS, groupsNamed, planned, specFiles } from './test-plan.mjs';
import { addCounts, durationText, summarize, summaryLine } from './test-summary.mjs';

const options = parseOptions();
const runs = new FullRuns(ROOT);
const chosen = planned(
  options.group === undefined ? GROUPS : [...new Set(options.group.flatMap(named))],
  specFiles(ROOT),
);
if (options.list) list();
else await run();

function parseOptions() {
  const flags = Object.fromEntries(
    ['resume', 'loaded', 'list', 'no-record'].map((name) => [name, { type: 'boolean', default: false }]),
  );
  try {
    return parseArgs({ options: { group: { type: 'string', multiple: true }, ...flags } }).values;
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}

function named(name) {
  const found = groupsNamed(name);
  if (found.length > 0) return found;
  console.error(`There is no group "${name}", but there are: ${GROUPS.map((each) => each.name).join(', ')}.`);
  process.exit(2);
}

function list() {
  const stale = new Map(runs.stale(chosen).map((group) => [group.name, group]));
  const known = runs.read();
  for (const { name, files, script } of chosen) {
    const what = script ?? `${files.length} specs`;
    const seconds = known[name]?.seconds;
    const time = seconds === undefined ? 'unknown' : durationText(seconds * 1_000);
    const state = stale.has(name) ? `stale (${sinceText(stale.get(name))})` : 'green';
    console.log(`${name.padEnd(30)} ${what.padEnd(28)} ${time.padEnd(12)} ${state}`);
  }
}

async function run() {
  let summarized = false;
  // An early end of this process must not look like a run without failures.
  process.once('exit', () => {
    if (!summarized) console.log('0 passed, 1 failed');
  });
  await prepare({ build: true });
  const groups = cheapestFirst(options.resume ? chosen.filter(isLeft()) : chosen);
  if (!options.loaded) keepMeasured();
  const summary = await runGroups(groups);
  for (const line of summary.lines) console.log(line);
  if (groups.length === 0) console.log('Nothing is left: every group has passed with these files.');
  console.log(`Groups run: ${groups.length}, in ${durationText(performance.now())}`);
  console.log(summaryLine(summary));
  summarized = true;
  const isGreen = summary.failed === 0 && (summary.passed > 0 || groups.length === 0);
  process.exitCode = isGreen ? 0 : 1;
}

async function runGroups(groups) {
  const brokers = await provideBrokers(groups.flatMap(({ needs }) => needs));
  for (const { reason } of Object.values(brokers)) if (reason) console.error(`\n*** ${reason}\n`);
  const results = [];
  const counts = [];
  for (const [index, group] of groups.entries()) {
    const { result, count } = await runGroup(group, brokers, `[${index + 1}/${groups.length}] ${group.name}`);
    results.push(...(result ?? []));
    if (count !== undefined) counts.push(count);
  }
  return counts.reduce(addCounts, summaryOf(results));
}

/** Whether a group still has to run. A pass on a quiet machine does not count for a loaded one. */
function isLeft() {
  const stale = new Set(runs.stale(chosen).map(({ name }) => name));
  const known = runs.read();
  return ({ name }) => stale.has(name) || (options.loaded && known[name].loaded !== true);
}

function cheapestFirst(groups) {
  const known = runs.read();
  const secondsOf = ({ name }) => known[name]?.seconds ?? Infinity;
  return [...groups].sort((a, b) => (secondsOf(a) < secondsOf(b) ? -1 : Number(secondsOf(a) > secondsOf(b))));
}

/** Where tests record measurements, for `npm run docs:guarantees`. A run of all groups starts with an empty file. */
function keepMeasured() {
  const file = path.join(ROOT, '.measured', 'run.jsonl');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  if (options.group === undefined && !options.resume) fs.rmSync(file, { force: true });
  process.env.MEASURED_FILE ??= file;
}

async function runGroup(group, brokers, title) {
  const [hash, last] = [hashOf(group), runs.read()[group.name]];
  const about = last === undefined ? '' : `, took ${durationText(last.seconds * 1_000)} the last time`;
  console.log(`${title} begins${about}`);
  const endBusyLoop = options.loaded ? startBusyLoop() : () => undefined;
  const startedAt = performance.now();
  const done = await (group.script ? runProof(group, brokers) : { result: await runSpecs(group, brokers) });
  await endBusyLoop();
  const ms = performance.now() - startedAt;
  const { passed, failed, skipped } = done.count ?? summaryOf(done.result);
  const verdict = failed === 0 ? 'ok' : 'FAILED';
  console.log(`${title} ${verdict} in ${durationText(ms)}: ${summaryLine({ passed, failed, skipped })}`);
  if (!options['no-record']) note(group, { hash, failed, ms, brokers });
  return done;
}

async function runProof(group, brokers) {
  const lacking = group.needs.find((need) => brokers[need].state !== 'here');
  if (lacking !== undefined)
    return {
      result: [{ name: group.name, file: group.script, missing: `it needs ${lacking} on this machine` }],
    };
  return { count: { name: group.name, ...(await runScript(group, (data) => process.stdout.write(data))) } };
}

/** Only a complete run counts for the group, and only if its files did not change during the run. */
function note(group, { hash, failed, ms, brokers }) {
  if (group.needs.some((need) => brokers[need].state === 'missing')) return;
  if (hashOf(group) !== hash) {
    console.log(
      `${group.name}: a file or package that it uses has changed during the run, so its result is not recorded.`,
    );
    return;
  }
  const result = failed === 0 ? 'passed' : 'failed';
  runs.write(group.name, { hash, result, seconds: Math.round(ms / 1_000), loaded: options.loaded });
}

function hashOf(group) {
  return new FullRuns(ROOT).hashes([group]).get(group.name);
}

function summaryOf(results) {
  return summarize(results, { strictSkips: process.env.CI === 'true', root: ROOT });
}
