/**
 * Proves that the conformance suites detect faults: plants them into a transport or store, one after the other. The suite
 * must fail for each, and pass without any. Ends with the line `N passed, N failed`.
 *
 *   node scripts/seed-faults.mjs                   every fault, in the transport that it is written for
 *   node scripts/seed-faults.mjs --base=embedded   every fault that fits any transport, in this one
 */
import * as path from 'node:path';
import { spawn } from 'node:child_process';

import { prepare, ROOT } from './bootstrap.mjs';

/** A fault that hangs the suite counts as detected only if Jest reports it by then: at the earliest after this. */
const MIN_LIMIT_MS = 60_000;
/** On a slow machine, after this multiple of the time that the suite takes without a fault, for all topics together. */
const LIMIT_FACTOR = 2;
/** Without a fault, the deadlines of the tests end it. This ends a Jest process that hangs nevertheless. */
const SOUND_LIMIT_MS = 15 * 60_000;
/** How long the suite waits for events that a fault prevents. Without a fault, its deadlines are unchanged. */
const PATIENCE_MS = '4000';
/** Concurrent runs, because a run mostly waits. */
const LANES = 2;
const SPEC = 'test/conformance/seeded-faults/seeded.spec.ts';
const BASES = ['memory', 'embedded', 'line'];
/** The store of dead letters. */
const LETTERS = 'letters';

const chosen = chooseBase(process.argv.slice(2));
await prepare({ build: false });
const faults = await listFaults();
const counts = { passed: 0, failed: 0 };
const limits = new Map();
await workThrough(
  [...BASES, LETTERS].flatMap((base) => {
    const topics = new Set(faults.filter((fault) => fault.base === base).map(({ topic }) => topic));
    return topics.size === 0 ? [] : [() => expectSound(base, [...topics].join('|'))];
  }),
);
await workThrough(faults.map((fault) => () => expectNoticed(fault)));
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && faults.length > 0 ? 0 : 1;

async function workThrough(tasks) {
  const lane = async () => {
    for (let task = tasks.shift(); task; task = tasks.shift()) await task();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function chooseBase(args) {
  if (args.length === 0) return 'memory';
  const base = args.length === 1 && /^--base=(\w+)$/.exec(args[0])?.[1];
  if (BASES.includes(base)) return base;
  console.error(`Usage: node scripts/seed-faults.mjs [--base=${BASES.join('|')}]`);
  process.exit(2);
}

/** Without this check, a suite that always fails would detect every fault. */
async function expectSound(base, topics) {
  const startedAt = performance.now();
  const suite = { name: '', base, topic: `(${topics})` };
  const { code, passed, failed, seconds } = await runSuite(suite, SOUND_LIMIT_MS);
  limits.set(base, Math.max(MIN_LIMIT_MS, LIMIT_FACTOR * (performance.now() - startedAt)));
  const isSound = code === 0 && failed === 0 && passed > 0;
  counts[isSound ? 'passed' : 'failed'] += 1;
  const verdict = isSound ? 'sound    ' : 'UNSOUND  ';
  console.log(`${verdict} ${base} without a fault (${passed} passed, ${failed} failed, ${seconds})`);
}

async function expectNoticed(fault) {
  const { code, failed, seconds } = await runSuite(fault, limits.get(fault.base));
  const isNoticed = code === 1 && failed > 0;
  counts[isNoticed ? 'passed' : 'failed'] += 1;
  const verdict = isNoticed ? 'noticed  ' : 'UNNOTICED';
  console.log(`${verdict} ${fault.name} (${failed} failed in "${fault.topic}", ${fault.base}, ${seconds})`);
}

async function listFaults() {
  const folder = path.join(ROOT, 'test/conformance/seeded-faults');
  const script = `import { SEEDED_FAULTS } from ${JSON.stringify(path.join(folder, 'faults.ts'))};
    import { SEEDED_STORE_FAULTS } from ${JSON.stringify(path.join(folder, 'store-faults.ts'))};
    const transports = Object.entries(SEEDED_FAULTS).map(([name, { topic, base }]) => ({ name, topic, base }));
    const stores = Object.entries(SEEDED_STORE_FAULTS).map(([name, { topic }]) => ({ name, topic, base: '${LETTERS}' }));
    console.log(JSON.stringify([...transports, ...stores]));`;
  const args = ['--import', '@swc-node/register/esm-register', '--input-type=module', '--eval', script];
  const { output } = await run(args, {}, SOUND_LIMIT_MS);
  const listed = JSON.parse(output.trim().split('\n').at(-1) || '[]');
  return listed.map(({ base = chosen, ...fault }) => ({ ...fault, base }));
}

async function runSuite({ name, topic, base }, limitMs) {
  const begun = performance.now();
  const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = [jest, '--json', '--runInBand', '--testPathIgnorePatterns=/node_modules/'];
  const env = {
    SEEDED_FAULT: name,
    SEEDED_BASE: base,
    ...(name !== '' && { CONFORMANCE_PATIENCE_MS: PATIENCE_MS }),
  };
  const { code, output } = await run([...args, '-t', ` ${topic} `, SPEC], env, limitMs);
  const seconds = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(output.slice(output.indexOf('{')));
    return { code, passed: numPassedTests, failed: numFailedTests, seconds };
  } catch {
    return { code, passed: 0, failed: 0, seconds };
  }
}

function run(args, env, limitMs) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
