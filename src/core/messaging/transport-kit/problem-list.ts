import type { TransportEvent, TransportProblem } from '../ports/transport.js';

/** More problems than this at a time are counted and logged, but not listed. */
const MAX_LISTED = 1_000;

type Place = Pick<TransportProblem, 'topic' | 'group'>;

/** What is wrong on a broker now. Emits each problem once while it lasts, and again when its detail changes. */
export class ProblemList {
  readonly #problems = new Map<string, TransportProblem>();

  constructor(private readonly emit: (event: TransportEvent) => void) {}

  /** It lasts until it is {@link solve}d. */
  add(problem: TransportProblem): void {
    const key = keyOf(problem.code, problem);
    const known = this.#problems.get(key);
    if (known?.detail === problem.detail) return;
    if (known || this.#problems.size < MAX_LISTED) this.#problems.set(key, problem);
    this.emit({ type: 'problem', problem });
  }

  /** No-op for a problem that is not listed. */
  solve(code: string, place: Place = {}): void {
    const key = keyOf(code, place);
    const problem = this.#problems.get(key);
    if (!problem) return;
    this.#problems.delete(key);
    this.emit({ type: 'problem-solved', problem });
  }

  /** Reports what is over already, such as a queue that was missing and is there again. */
  happened(problem: TransportProblem): void {
    this.emit({ type: 'problem', problem });
  }

  all(): readonly TransportProblem[] {
    return [...this.#problems.values()];
  }
}

function keyOf(code: string, { topic = '', group = '' }: Place): string {
  return JSON.stringify([code, topic, group]);
}
