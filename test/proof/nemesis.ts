import { setTimeout as wait } from 'node:timers/promises';
import type { History } from './history.js';
import type { Worker } from './workers.js';

/** Something that goes wrong for a while. */
export interface Fault {
  readonly name: string;
  begin(): Promise<void>;
  /** Puts right what `begin` has broken. Also when that was only half done. */
  end(): Promise<void>;
  /** Longest time for which it may last, in milliseconds. Defaults to {@link LONGEST_MS}. */
  readonly longestMs?: number;
}

type Random = (below: number) => number;

const SHORTEST_MS = 2_000;
const LONGEST_MS = 12_000;
const CALM_MS = 6_000;
/** Longest average distance of two faults on a quiet machine, their beginning and end included. */
const FAULT_EVERY_MS = 15_000;

/** What can happen to the processes of the application. */
export function workerFaults(workers: readonly Worker[], random: Random): readonly Fault[] {
  const onOne = (
    name: string,
    begin: (worker: Worker) => Promise<void>,
    end: (worker: Worker) => Promise<void>,
  ): Fault => {
    let victim: Worker | undefined;
    return {
      name,
      begin: async () => {
        victim = workers[random(workers.length)];
        if (victim) await begin(victim);
      },
      end: async () => {
        const hit = victim;
        victim = undefined;
        if (hit) await end(hit);
      },
    };
  };
  const restarted = async (worker: Worker): Promise<void> => {
    worker.start();
    await worker.ready();
  };
  return [
    onOne('a process is killed', (worker) => worker.kill(), restarted),
    onOne(
      'a process is stopped and started',
      async (worker) => {
        await worker.end();
      },
      restarted,
    ),
    onOne(
      'a process is paused',
      async (worker) => worker.pause(),
      async (worker) => worker.resume(),
    ),
  ];
}

/** Lets one thing after the other go wrong at random, and puts everything right in the end. */
export class Nemesis {
  readonly #counts = new Map<string, number>();
  #now = 'nothing';

  constructor(
    private readonly faults: readonly Fault[],
    private readonly random: Random,
    private readonly history: History,
  ) {}

  /** The fault of this moment. */
  get now(): string {
    return this.#now;
  }

  /** How often each fault happened. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /**
   * Resolves after so long, with nothing wrong any more. On a loaded machine a fault takes longer, so it ends only when
   * as many have happened as a quiet machine has at least.
   */
  async run(forMs: number): Promise<void> {
    const until = performance.now() + forMs;
    const minFaults = Math.floor(forMs / FAULT_EVERY_MS);
    for (let faults = 0; performance.now() < until || faults < minFaults;) {
      const fault = this.random(4) === 0 ? undefined : this.faults[this.random(this.faults.length)];
      if (fault) {
        await this.#happen(fault);
        faults += 1;
      }
      await wait(SHORTEST_MS + this.random(CALM_MS));
    }
  }

  async #happen(fault: Fault): Promise<void> {
    const { name, longestMs = LONGEST_MS } = fault;
    this.#now = name;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    await this.history.note({ e: 'n', what: name, isOn: true });
    try {
      await fault.begin();
      await wait(SHORTEST_MS + this.random(longestMs - SHORTEST_MS));
    } finally {
      await fault.end();
      await this.history.note({ e: 'n', what: name, isOn: false });
      this.#now = 'nothing';
    }
  }
}
