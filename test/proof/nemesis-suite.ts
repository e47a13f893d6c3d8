import { nemesisRow } from '../faults/fault-matrix.js';
import { type Figures, record, report } from '../faults/measured.js';
import { explainProof } from './explain-proof.js';
import { type ProofResult, prove } from './proof-run.js';
import type { ScenarioName } from './scenarios.js';

/** What combines all brokers has the most that can go wrong. Longer runs of the others are for `npm run soak`. */
const FAULTS_MS = { spooled: 150_000, others: 40_000 };
/** The same decisions each time, so that a change can be told from chance; others are for `npm run soak`. */
const SEED = 7;
/** Starting brokers and processes, draining, ending. */
const AROUND_MS = 300_000;

/** As the matrix of faults calls them. */
const SYSTEMS: Readonly<Record<ScenarioName, string>> = {
  embedded: 'embedded',
  redis: 'redis, sentinels, `replicas: 1`',
  rabbitmq: 'rabbitmq, 3 nodes',
  kafka: 'kafka, 3 brokers',
  spooled: 'spool before kafka, rabbitmq and redis',
};

const MB = 1_000_000;

function figuresOf({ verdict, figures, growth }: ProofResult): Figures {
  const { accepted, lost, duplicated, reordered, unknown, failed } = verdict;
  return {
    accepted,
    lost: Object.values(lost).reduce((sum, { count }) => sum + count, 0),
    handledTwice: duplicated.count,
    unknown,
    unavailable: failed,
    longestGapMs: figures.longestGapMs,
    goesOnAfterMs: figures.slowestProgressMs,
    outOfOrder: reordered.count,
    memoryGrowthMb: Math.round(growth.rssBytes / MB),
  };
}

/** Declares the test of a scenario: things go wrong at random for a while, and no promise is broken. */
export function holdsUnderNemesis(scenario: ScenarioName): void {
  const faultsMs = scenario === 'spooled' ? FAULTS_MS.spooled : FAULTS_MS.others;
  it(
    `${scenario}: loses, invents and reorders nothing while things go wrong at random`,
    async () => {
      const result = await prove({ scenario, faultsMs, seed: SEED });
      report(`nemesis, ${scenario}, seed ${SEED}`, explainProof(result));
      record(nemesisRow(SYSTEMS[scenario]), figuresOf(result));
      expect(result.problems).toEqual([]);
    },
    faultsMs + AROUND_MS,
  );
}
