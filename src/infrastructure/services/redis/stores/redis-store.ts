import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { failureOf } from '../client/redis-errors.js';
import { RedisConnection } from '../connection/redis-connection.js';
import type { RedisServerOptions } from '../redis.options.js';
import type { RedisScript } from '../scripts/redis-script.js';
import type { Argument } from '../scripts/script-call.js';

/** The connection of a store. Every failure becomes `STORE_UNAVAILABLE`. */
export class RedisStore {
  readonly #connection: RedisConnection;

  constructor(name: string, options: RedisServerOptions) {
    this.#connection = new RedisConnection(name, options);
  }

  connect(): Promise<void> {
    return this.#connection.connect();
  }

  close(): Promise<void> {
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
      const { message } = failureOf(error, label, { whyDown }).error;
      throw new MessagingError('STORE_UNAVAILABLE', message);
    }
  }
}
