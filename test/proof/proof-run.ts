import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { waitWhileMoving } from '../support/brokers/wait-until.js';
import { watchSlowdown } from '../support/machine-time.js';
import { seededRandom } from '../support/seeded-random.js';
import { Checker, type Verdict } from './checker.js';
import { History, HistoryReader } from './history.js';
import { Nemesis, workerFaults } from './nemesis.js';
import { type Scenario, type ScenarioName, SCENARIOS } from './scenarios.js';
import { Timeline } from './timeline.js';
import { Worker } from './workers.js';
import { EXPECTATION } from './workload.js';

export interface ProofSettings {
  readonly scenario: ScenarioName;
  /** How long things go wrong. */
  readonly faultsMs: number;
  readonly seed: number;
  /** Messages published a second, by all processes together. */
  readonly perSecond?: number;
  /** How long to listen for late duplicates at the end. */
  readonly quietMs?: number;
  /** Longest time in which nothing more is done with although something is to be, once nothing is wrong any more. Defaults to two minutes. */
  readonly recoverMs?: number;
  readonly progress?: (line: string) => void;
}

export interface ProofResult {
  readonly verdict: Verdict;
  readonly faults: ReadonlyMap<string, number>;
  readonly figures: ReturnType<Timeline['figures']>;
  /** Messages that were not done with when nothing moved any more. */
  readonly stuck: number;
  /** What the brokers still held for the groups then: no more than the others can be lost. */
  readonly held: number;
  /** Processes that did not end as they should. */
  readonly badExits: readonly string[];
  /** The most that a process had in the end over what it had in the beginning. */
  readonly growth: { readonly rssBytes: number; readonly handles: number };
  /** What no promise allows, in words; empty when the run is fine. Histories are kept in `directory` unless it is. */
  readonly problems: readonly string[];
  readonly directory: string;
}

const WARM_UP_MS = 3_000;
const PROGRESS_MS = 10_000;
const RECOVER_MS = 120_000;
/** Longest time without an acceptance or a handled message after a fault has ended, on a machine that is not loaded. */
const PROGRESS_AFTER_HEAL_MS = 30_000;
/** As a process reports it, in JSON within a log. */
const KEPT = /does not dead-letter from the delay queue \\"([^"\\]+)/g;
const MAX_MORE_HANDLES = 20;
const MAX_MORE_RSS_BYTES = 400 * 1024 * 1024;

/** Publishes and handles in processes of their own while things go wrong, and checks what became of every message. */
export async function prove(settings: ProofSettings): Promise<ProofResult> {
  const directory = mkdtempSync(join(tmpdir(), `switchyard-proof-${settings.scenario}-`));
  mkdirSync(join(directory, 'histories'));
  const scenario = await SCENARIOS[settings.scenario]();
  const run = new ProofRun(settings, scenario, directory);
  try {
    const result = await run.go();
    if (result.problems.length === 0) rmSync(directory, { recursive: true, force: true });
    return result;
  } finally {
    await run.stop();
  }
}

class ProofRun {
  readonly #workers: readonly Worker[];
  readonly #checker: Checker;
  readonly #timeline = new Timeline();
  readonly #reader: HistoryReader;
  readonly #history: History;
  readonly #nemesis: Nemesis;
  readonly #startedAt = performance.now();
  readonly #slowdown = watchSlowdown();

  constructor(
    private readonly settings: ProofSettings,
    private readonly scenario: Scenario,
    private readonly directory: string,
  ) {
    const { seed, perSecond = 200 } = settings;
    const random = seededRandom(seed);
    const worker = (name: string, does: { produces: boolean; consumes: boolean; share: number }): Worker => {
      const { produces, consumes, share } = does;
      return new Worker({
        name,
        directory,
        env: (own) => scenario.env(own),
        seed: random(1e9),
        perSecond: perSecond * share,
        produces,
        consumes,
      });
    };
    this.#workers = scenario.isOneProcess
      ? [worker('both', { produces: true, consumes: true, share: 1 })]
      : [
          worker('producer-1', { produces: true, consumes: false, share: 0.5 }),
          worker('producer-2', { produces: true, consumes: false, share: 0.5 }),
          worker('consumer-1', { produces: false, consumes: true, share: 0 }),
          worker('consumer-2', { produces: false, consumes: true, share: 0 }),
        ];
    const { ordered, unacceptedMayVanish = false } = scenario;
    this.#checker = new Checker({ ...EXPECTATION, ordered, unacceptedMayVanish });
    this.#reader = new HistoryReader(join(directory, 'histories'));
    this.#history = new History(join(directory, 'histories', 'nemesis.jsonl'));
    this.#nemesis = new Nemesis(
      [...scenario.faults(random), ...workerFaults(this.#workers, random)],
      random,
      this.#history,
    );
  }

  async go(): Promise<ProofResult> {
    await this.#start();
    const telling = setInterval(() => this.#tell(), PROGRESS_MS);
    try {
      await wait(WARM_UP_MS);
      const before = this.#states();
      await this.#nemesis.run(this.settings.faultsMs);
      for (const worker of this.#workers) worker.finish();
      const isDrained = await this.#drained();
      await wait(this.settings.quietMs ?? 1_000);
      const after = this.#states();
      const held = isDrained ? 0 : Math.max(...this.#workers.map(({ state }) => state?.held ?? 0));
      const badExits = await this.#end();
      this.#read();
      return this.#judge({
        stuck: isDrained ? 0 : this.#checker.open,
        held,
        badExits,
        growth: growthOf(before, after),
      });
    } finally {
      clearInterval(telling);
    }
  }

  /** Those that handle first: a group gets what is published once it is there. */
  async #start(): Promise<void> {
    const begin = async (workers: readonly Worker[]): Promise<void> => {
      for (const worker of workers) worker.start();
      await Promise.all(workers.map((worker) => worker.ready()));
    };
    await begin(this.#workers.filter(({ settings }) => settings.consumes));
    await begin(this.#workers.filter(({ settings }) => !settings.consumes));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    await this.scenario.stop();
    await this.#history.end();
  }

  #states(): { rssBytes: number; handles: number }[] {
    return this.#workers.map(({ state }) => ({
      rssBytes: state?.rssBytes ?? 0,
      handles: state?.handles ?? 0,
    }));
  }

  #read(): void {
    this.#reader.each((line) => {
      this.#checker.add(line);
      this.#timeline.add(line);
    });
  }

  /** Every queue of which a process has said so far that the broker keeps what is in it, as often as it was said. */
  #keptQueues(): string[] {
    const logs = this.#workers.map(({ name }) => readFileSync(join(this.directory, `${name}.log`), 'utf8'));
    return logs.flatMap((log) => [...log.matchAll(KEPT)].map(([, queue = '']) => queue));
  }

  /** False when something was still to be done after all that time. */
  #drained(): Promise<boolean> {
    const isDrained = async (): Promise<boolean> => {
      await this.scenario.lookAfter?.(this.#keptQueues());
      this.#read();
      const states = this.#workers.map(({ state }) => state);
      return (
        states.every((state) => state?.isDone === true && state.spooled === 0) && this.#checker.open === 0
      );
    };
    const toDo = (): string =>
      [this.#checker.open, ...this.#workers.map(({ state }) => state?.spooled ?? 0)].join(' ');
    const standstillMs = this.settings.recoverMs ?? RECOVER_MS;
    return waitWhileMoving('everything is done with', isDrained, toDo, standstillMs).then(
      () => true,
      () => false,
    );
  }

  async #end(): Promise<string[]> {
    const ends = this.#workers.map(async (worker) => {
      const code = worker.hasFailed ? 'by itself' : await worker.end();
      return code === 0 ? [] : [`${worker.name} ended with ${String(code)}`];
    });
    return (await Promise.all(ends)).flat();
  }

  #tell(): void {
    this.#read();
    const seconds = Math.round((performance.now() - this.#startedAt) / 1_000);
    const spooled = this.#workers.reduce((sum, { state }) => sum + (state?.spooled ?? 0), 0);
    this.settings.progress?.(
      `${String(seconds).padStart(5)} s  ${this.#timeline.acceptedCount} accepted, ${this.#checker.open} to go, ${spooled} spooled; ${this.#nemesis.now}`,
    );
  }

  #judge(found: Pick<ProofResult, 'stuck' | 'held' | 'badExits' | 'growth'>): ProofResult {
    const verdict = this.#checker.verdict();
    const figures = this.#timeline.figures();
    const problems = problemsOf({ verdict, figures, slowdown: this.#slowdown(), ...found });
    const { directory } = this;
    return { verdict, faults: this.#nemesis.counts, figures, ...found, problems, directory };
  }
}

type States = readonly { readonly rssBytes: number; readonly handles: number }[];

function growthOf(before: States, after: States): ProofResult['growth'] {
  const most = (of: 'rssBytes' | 'handles'): number =>
    Math.max(...after.map((state, index) => state[of] - (before[index]?.[of] ?? 0)));
  return { rssBytes: most('rssBytes'), handles: most('handles') };
}

type Judged = Pick<ProofResult, 'verdict' | 'figures' | 'stuck' | 'held' | 'badExits' | 'growth'> & {
  readonly slowdown: number;
};

function problemsOf({ verdict, figures, stuck, held, badExits, growth, slowdown }: Judged): string[] {
  const { lost, aborted, phantom, unhandled, reordered, forbidden, isVacuous } = verdict;
  const findings = {
    ...Object.fromEntries(
      Object.entries(lost).map(([level, finding]) => [`not seen by some group (${level})`, finding]),
    ),
    ...{ aborted, phantom, unhandled, forbidden, reordered },
  };
  return [
    ...Object.entries(findings).flatMap(([name, { count, sample }]) =>
      count === 0 ? [] : [`${count} ${name}: ${sample.join(', ')}`],
    ),
    ...(isVacuous ? ['nothing was accepted, or nothing delivered'] : []),
    ...(stuck > 0
      ? [
          `${stuck} messages are not done with, and nothing moves any more; the brokers hold ${held}: ` +
            `at least ${Math.max(0, stuck - held)} are lost, the others are stuck`,
        ]
      : []),
    ...(figures.slowestProgressMs / slowdown > PROGRESS_AFTER_HEAL_MS
      ? [`no progress for ${figures.slowestProgressMs} ms after "${figures.slowestAfter}"`]
      : []),
    ...(growth.handles > MAX_MORE_HANDLES
      ? [`a process has ${growth.handles} more handles than in the beginning`]
      : []),
    ...(growth.rssBytes > MAX_MORE_RSS_BYTES
      ? [`a process has ${growth.rssBytes} more bytes than in the beginning`]
      : []),
    ...badExits,
  ];
}
