import type { Clock, TransportEvent, TransportProblem } from '../../../../core/messaging/ports/transport.js';
import { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { failureOf } from '../client/redis-errors.js';
import { RedisConnection } from '../connection/redis-connection.js';
import type { RedisServerOptions } from '../redis.options.js';
import type { RedisScript } from '../scripts/redis-script.js';
import type { Argument } from '../scripts/script-call.js';

/** What a store is given besides the options of its server. */
export interface RedisStoreContext {
  readonly clock: Clock;
  /** Called when a problem begins and when it is solved. */
  readonly onEvent?: ((event: TransportEvent) => void) | undefined;
}

/** The connection of a store, and what it has to report. Every failure becomes `STORE_UNAVAILABLE`, or `STORE_FULL`. */
export class RedisStore {
  readonly #connection: RedisConnection;
  readonly #problems: ProblemList;
  readonly #formats: NewerFormats;

  constructor(name: string, options: RedisServerOptions, { clock, onEvent }: RedisStoreContext) {
    this.#connection = new RedisConnection(name, options);
    this.#problems = new ProblemList(onEvent ?? (() => undefined));
    this.#formats = new NewerFormats({ label: this.#connection.label, problems: this.#problems, clock });
  }

  problems(): readonly TransportProblem[] {
    return this.#problems.all();
  }

  /** Reports what is stored in a format of a newer version. @param what a plural. */
  newer(what: string, format: number): void {
    this.#formats.found(what, format);
  }

  connect(): Promise<void> {
    return this.#connection.connect();
  }

  close(): Promise<void> {
    this.#formats.ended();
    return this.#connection.close();
  }

  /** Replies are texts. */
  run(script: RedisScript, key: string, args: readonly Argument[]): Promise<unknown> {
    return this.#answer(() => this.#connection.run(script, [key], args));
  }

  /** Replies are bytes. */
  runBuffer(script: RedisScript, key: string, args: readonly Argument[]): Promise<unknown> {
    return this.#answer(() => this.#connection.runBuffer(script, [key], args));
  }

  async #answer(ask: () => Promise<unknown>): Promise<unknown> {
    try {
      return await ask();
    } catch (error) {
      this.#connection.refresh();
      const { label, whyDown } = this.#connection;
      const failure = failureOf(error, label, { whyDown }).error;
      const code = errorCodeOf(failure) === 'TRANSPORT_FULL' ? 'STORE_FULL' : 'STORE_UNAVAILABLE';
      throw new MessagingError(code, failure.message);
    }
  }
}
