import { ProblemList } from '../transport-kit/problem-list.js';
import type { ReportedProblem } from '../messaging.view.js';
import type { Subscription, TransportEvent } from '../ports/transport.js';

/** Why a consumer does not start: a code, and a sentence without secrets. */
export interface Why {
  readonly reason: string;
  readonly sentence: string;
}

type Place = Pick<Subscription, 'topic' | 'group'>;

/** What keeps a consumer from its messages, as the core sees it: one list for each transport. */
export class ConsumerProblems {
  readonly #lists = new Map<string, ProblemList>();

  constructor(private readonly emit: (transport: string, event: TransportEvent) => void) {}

  /** The consumer could not be started, and is tried again. */
  notStarted(transport: string, { topic, group }: Place, why: Why): void {
    const detail = `The consumer of "${topic}" for the group "${group}" cannot start: ${why.sentence} It is tried again.`;
    this.#listOf(transport).add({ code: NOT_STARTED, topic, group, reason: why.reason, detail });
  }

  started(transport: string, place: Place): void {
    this.#lists.get(transport)?.solve(NOT_STARTED, place);
  }

  /** It was stopped. */
  stopped(transport: string, place: Place): void {
    for (const code of [NOT_STARTED, STUCK]) this.#lists.get(transport)?.solve(code, place);
  }

  /** Every slot is in use for longer than a handler may take. */
  stuck(transport: string, { topic, group }: Place, sinceMs: number): void {
    const detail = `No handler of "${topic}" for the group "${group}" has ended for ${sinceMs / 1_000} s, and every slot is in use. Look for a handler that never settles or a store that does not answer.`;
    this.#listOf(transport).add({ code: STUCK, topic, group, detail });
  }

  moving(transport: string, place: Place): void {
    this.#lists.get(transport)?.solve(STUCK, place);
  }

  all(): readonly ReportedProblem[] {
    return [...this.#lists].flatMap(([transport, list]) =>
      list.all().map((problem) => ({ ...problem, transport })),
    );
  }

  #listOf(transport: string): ProblemList {
    let list = this.#lists.get(transport);
    if (!list) this.#lists.set(transport, (list = new ProblemList((event) => this.emit(transport, event))));
    return list;
  }
}

const NOT_STARTED = 'consumer_not_started';
const STUCK = 'consumer_stuck';
