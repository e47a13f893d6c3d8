import { errorCodeOf, MessagingError } from '../ports/errors.js';
import { backoffMs } from '../transport-kit/backoff.js';
import { withDeadline } from '../transport-kit/deadline.js';
import type { Clock } from '../ports/transport.js';

/** Something with a connection that the core opens: a transport or a store. */
export interface Connectable {
  readonly name: string;
  connect(): Promise<void>;
}

const RECONNECT_BACKOFF = { minMs: 1_000, maxMs: 30_000 } as const;
/** Longest wait for one try; a `connect` that hangs must not hold up the boot for ever. */
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Connects everything, or rejects with the names of what could not be connected. In the background it keeps trying, with growing jittered waits, until
 * it has succeeded or `stop` is called.
 */
export class Connections {
  #stopped = false;
  #cancelWaits = new Set<() => void>();
  /** Why each could not be connected the last time. */
  readonly #reasons = new Map<string, string>();

  /** @param onFailure called when one cannot be connected, and again when that has another reason. */
  constructor(
    private readonly clock: Clock,
    private readonly onFailure: (name: string, error: unknown) => void,
  ) {}

  /** Rejects when one of them cannot be connected, naming each that failed. */
  async require(all: readonly Connectable[]): Promise<void> {
    const results = await Promise.allSettled(all.map((one) => this.#tryOnce(one)));
    const failures = results.flatMap((result, index) =>
      result.status === 'rejected' ? [{ name: all[index]?.name ?? '', error: result.reason as unknown }] : [],
    );
    const [first] = failures;
    if (!first) return;
    const list = failures.map(({ name, error }) => `"${name}" (${describe(error)})`).join(', ');
    throw new MessagingError(
      'TRANSPORT_UNAVAILABLE',
      `Messaging cannot start: no connection to ${list}. Start what is missing, or set connect to "background" to boot without it.`,
      { cause: first.error },
    );
  }

  /** Resolves once connected, or with false when stopped before that. Never rejects. */
  async keepTrying(one: Connectable): Promise<boolean> {
    for (let failures = 0; !this.#stopped; failures += 1) {
      try {
        await this.#tryOnce(one);
        this.#reasons.delete(one.name);
        return true;
      } catch (error) {
        this.#failed(one.name, error);
        await this.#wait(backoffMs(failures, RECONNECT_BACKOFF));
      }
    }
    return false;
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancelWaits) cancel();
  }

  #failed(name: string, error: unknown): void {
    const reason = describe(error);
    if (this.#reasons.get(name) === reason) return;
    this.#reasons.set(name, reason);
    this.onFailure(name, error);
  }

  #tryOnce(one: Connectable): Promise<void> {
    const late = (): Error => {
      const text = `No answer from "${one.name}" within ${CONNECT_TIMEOUT_MS} ms.`;
      return new MessagingError('DEADLINE_EXCEEDED', text);
    };
    return withDeadline(one.connect(), CONNECT_TIMEOUT_MS, late, this.clock);
  }

  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancelTimer();
        this.#cancelWaits.delete(finish);
        resolve();
      };
      const cancelTimer = this.clock.schedule(delayMs, finish);
      this.#cancelWaits.add(finish);
    });
  }
}

/** Our own errors are written without secrets; of others only the code is shown. */
function describe(error: unknown): string {
  return error instanceof MessagingError ? error.message : errorCodeOf(error);
}
