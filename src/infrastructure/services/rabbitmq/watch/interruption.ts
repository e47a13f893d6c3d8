import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import type { Clock, TransportProblem } from '../../../../core/messaging/ports/transport.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';

/** What is lost and open again within this time is not listed: a reconnect takes about as long. */
const GRACE_MS = 1_000;

interface Cause {
  readonly code: string;
  readonly text: string;
}

const NO_REPLY: Cause = { code: 'NO_REPLY', text: 'no reply so far.' };

/** Lists a problem while something does not run, with the reason that is known at the moment. */
export class Interruption {
  #isLost = false;
  #isListed = false;
  #cause: Cause | undefined;
  #cancel = (): void => undefined;

  /** @param problem its detail is followed by the reason. */
  constructor(
    private readonly problems: ProblemList,
    private readonly clock: Clock,
    private readonly problem: TransportProblem,
  ) {}

  /** @param text what the broker has said, if it has said something. */
  lost(text?: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#cause = text === undefined ? undefined : { code: 'ENDED_BY_BROKER', text };
    this.#cancel = this.clock.schedule(GRACE_MS, () => {
      this.#isListed = true;
      this.#list();
    });
  }

  /** Another try has failed. Ignored before something was lost. */
  failed(error: Error): void {
    this.#cause = { code: errorCodeOf(error), text: error.message };
    if (this.#isListed) this.#list();
  }

  /** It runs again. What the broker has ended for a reason is reported, also when it was short. */
  over(): void {
    if (!this.#isListed && this.#cause !== undefined && this.#isLost)
      this.problems.happened(this.#problemNow('It runs again.'));
    this.end();
  }

  /** It is no longer wanted. */
  end(): void {
    this.#cancel();
    if (this.#isListed) this.problems.solve(this.problem.code, this.problem);
    this.#isLost = this.#isListed = false;
    this.#cause = undefined;
  }

  #list(): void {
    this.problems.add(this.#problemNow('It is tried again until it runs.'));
  }

  #problemNow(further: string): TransportProblem {
    const { detail } = this.problem;
    const { code, text } = this.#cause ?? NO_REPLY;
    return { ...this.problem, reason: code, detail: `${detail}: ${text} ${further}` };
  }
}
