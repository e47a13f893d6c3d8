import { repeatEvery } from '../../../../core/messaging/ports/clock.js';
import type { TransportEvent } from '../../../../core/messaging/ports/transport.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { RedisConnection } from './redis-connection.js';
import { checkServer, durabilityWarnings } from './server-checks.js';

const CODE = 'durability_reduced';
/** Between two checks while nothing is wrong, and while something is. */
const CHECK_MS = 60_000;
const RECHECK_MS = 5_000;

/**
 * Reports what the server does not promise. What it did not promise at the first connect is an error event, once: the operator may
 * want it so. What it has stopped promising since, such as after a restart with other settings or a failover to another server, is a
 * problem until it promises it again.
 */
export class DurabilityWatch {
  #accepted: ReadonlySet<string> | undefined;
  #end = (): void => undefined;
  #sinceCheckMs = 0;
  #isChecking = false;

  constructor(
    private readonly connection: RedisConnection,
    private readonly problems: ProblemList,
    private readonly onEvent: (event: TransportEvent) => void,
  ) {}

  /** @throws MessagingError when the server lacks a command that is needed. */
  async start(): Promise<void> {
    const warnings = await checkServer(this.connection);
    if (this.#accepted) return;
    for (const error of warnings) this.onEvent({ type: 'error', error });
    this.#accepted = new Set(warnings.map(({ message }) => message));
    this.#end = repeatEvery(RECHECK_MS, () => {
      this.#sinceCheckMs += RECHECK_MS;
      if (this.#isReported() || this.#sinceCheckMs >= CHECK_MS) void this.check();
    });
  }

  /** After a reconnect, and from time to time. No-op before the start. */
  async check(): Promise<void> {
    const accepted = this.#accepted;
    if (!accepted || this.#isChecking) return;
    this.#isChecking = true;
    this.#sinceCheckMs = 0;
    const warnings = await durabilityWarnings(this.connection).finally(() => (this.#isChecking = false));
    if (!warnings) return;
    const fresh = warnings.map(({ message }) => message).filter((message) => !accepted.has(message));
    if (fresh.length > 0) this.problems.add({ code: CODE, detail: fresh.join(' ') });
    else this.problems.solve(CODE);
  }

  close(): void {
    this.#end();
  }

  #isReported(): boolean {
    return this.problems.all().some(({ code }) => code === CODE);
  }
}
