import { report } from '../faults/measured.js';
import { explainProof } from './explain-proof.js';
import { prove } from './proof-run.js';
import type { ScenarioName } from './scenarios.js';

const FAULTS_MS = 180_000;
/** Starting brokers and processes, draining, ending. */
const AROUND_MS = 300_000;

/** Declares the test of a scenario: things go wrong at random for three minutes, and no promise is broken. */
export function holdsUnderNemesis(scenario: ScenarioName): void {
  it(
    `${scenario}: loses, invents and reorders nothing while things go wrong at random`,
    async () => {
      const seed = Math.floor(Math.random() * 1e6);
      const result = await prove({ scenario, faultsMs: FAULTS_MS, seed });
      report(`nemesis, ${scenario}, seed ${seed}`, explainProof(result));
      expect(result.problems).toEqual([]);
    },
    FAULTS_MS + AROUND_MS,
  );
}
