import { errorCodeOf, MessagingError } from '../ports/errors.js';
import { DeadlineSweep, LATE } from '../transport-kit/deadline-sweep.js';
import type {
  Clock,
  Destination,
  PublishAttempt,
  PublishOptions,
  PublishOutcome,
  Transport,
  WireMessage,
} from '../ports/transport.js';

/** The core's own deadline comes this much after the transport's, for a transport that fails to keep its own. */
const DEADLINE_GRACE_MS = 1_000;

/** One call of `Transport.publish`, with an outcome and its tries for every message, and a count of each kind. */
export interface CallResult {
  /** One for each message, in order. */
  readonly settled: readonly {
    readonly outcome: PublishOutcome;
    readonly attempts: readonly PublishAttempt[];
  }[];
  readonly summary: readonly OutcomeCount[];
  readonly durationMs: number;
}

interface OutcomeCount {
  readonly outcome: 'accepted' | 'spooled' | 'unavailable' | 'unknown' | 'refused';
  readonly errorCode: string | undefined;
  count: number;
}

interface Call {
  readonly messages: readonly WireMessage[];
  readonly options: PublishOptions;
}

/**
 * Publishes and never rejects. A transport that rejects, answers for too few messages or does not answer in time breaks
 * its contract; the outcome is `unknown`, because the message may have been taken.
 */
export class GuardedPublish {
  readonly #deadlines: DeadlineSweep;

  constructor(private readonly clock: Clock) {
    this.#deadlines = new DeadlineSweep(clock);
  }

  async publish(transport: Transport, to: Destination, call: Call): Promise<CallResult> {
    const startedAt = this.clock.monotonic();
    const deadline = startedAt + call.options.deadlineMs + DEADLINE_GRACE_MS;
    let answered: readonly PublishOutcome[];
    try {
      const answering = transport.publish(to, call.messages, call.options);
      answered = await this.#deadlines.within(answering, deadline);
    } catch (error) {
      answered = error === LATE ? [] : allFailed(call, error);
    }
    const durationMs = this.clock.monotonic() - startedAt;
    const tally = new Tally(transport.name, durationMs);
    const settled = call.messages.map((_, index) => {
      const outcome = answered[index] ?? unanswered(transport.name);
      return { outcome, attempts: tally.add(outcome) };
    });
    return { settled, summary: [...tally.counts.values()], durationMs };
  }
}

function allFailed(call: Call, error: unknown): readonly PublishOutcome[] {
  const cause = error instanceof Error ? error : new Error('not an Error');
  return call.messages.map(() => ({ kind: 'unknown', error: cause }));
}

/** The outcome of a message that its transport did not answer for. */
export function unanswered(transport: string): PublishOutcome {
  const error = new MessagingError(
    'DEADLINE_EXCEEDED',
    `Transport "${transport}" did not answer in time; the message may or may not arrive.`,
  );
  return { kind: 'unknown', error };
}

/** Counts outcomes and makes one list of tries for all messages that went the same way. */
class Tally {
  readonly counts = new Map<string, OutcomeCount & { readonly attempts: readonly PublishAttempt[] }>();

  constructor(
    private readonly transport: string,
    private readonly durationMs: number,
  ) {}

  add(outcome: PublishOutcome): readonly PublishAttempt[] {
    const errorCode = outcome.kind === 'accepted' ? undefined : errorCodeOf(outcome.error);
    const kind =
      outcome.kind === 'accepted' && outcome.trail?.status === 'spooled' ? 'spooled' : outcome.kind;
    const label = errorCode === undefined ? kind : `${kind} ${errorCode}`;
    let counted = this.counts.get(label);
    if (!counted) {
      const attempt: PublishAttempt = {
        transport: this.transport,
        outcome: outcome.kind,
        durationMs: Math.round(this.durationMs * 1_000) / 1_000,
        ...(errorCode !== undefined && { errorCode }),
      };
      counted = { outcome: kind, errorCode, count: 0, attempts: [attempt] };
      this.counts.set(label, counted);
    }
    counted.count += 1;
    return outcome.trail?.attempts ?? counted.attempts;
  }
}
