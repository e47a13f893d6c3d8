/**
 * `npm run soak -- --minutes 60 --seed 7 --scenario kafka`: injects random faults while messages are published and
 * handled, and checks the fate of each message. A loaded machine extends the minutes. `--recover` is the longest
 * time in seconds without progress at the end, while messages are outstanding; `--quiet` the time in seconds for
 * late copies after that. Without `--scenario`, all scenarios run one after the other. A seed repeats the
 * decisions of a run, not its timing.
 */
import { parseArgs } from 'node:util';
import { explainProof } from '../test/proof/explain-proof.js';
import { prove } from '../test/proof/proof-run.js';
import { SCENARIOS, type ScenarioName } from '../test/proof/scenarios.js';

const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    scenario: { type: 'string', multiple: true, default: Object.keys(SCENARIOS) },
    quiet: { type: 'string', default: '60' },
    recover: { type: 'string', default: '120' },
    rate: { type: 'string', default: '200' },
  },
});
const minutes = numberOf('minutes');
const seed = numberOf('seed');
const perSecond = numberOf('rate');
const wrong = values.scenario.filter((name) => !Object.hasOwn(SCENARIOS, name));
if (wrong.length > 0)
  usage(`There is no scenario ${wrong.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}.`);

let failed = 0;
for (const scenario of values.scenario as ScenarioName[]) {
  process.stdout.write(`${scenario}: ${minutes} min, ${perSecond} messages a second, seed ${seed}\n`);
  const result = await prove({
    scenario,
    faultsMs: minutes * MINUTE_MS,
    seed,
    perSecond,
    recoverMs: numberOf('recover') * SECOND_MS,
    quietMs: numberOf('quiet') * SECOND_MS,
    progress: (line) => process.stdout.write(`${line}\n`),
  });
  process.stdout.write(`${explainProof(result)}\n`);
  if (result.problems.length > 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;

function numberOf(name: 'minutes' | 'seed' | 'rate' | 'quiet' | 'recover'): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value <= 0) usage(`--${name} needs a number above 0.`);
  return value;
}

function usage(problem: string): never {
  process.stderr.write(
    `${problem}\nUsage: npm run soak -- [--minutes 3] [--seed 7] [--rate 200] [--quiet 60] [--recover 120] [--scenario NAME]...\n`,
  );
  process.exit(2);
}
