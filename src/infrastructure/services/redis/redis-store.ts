import { MessagingError } from '../../../core/messaging/messaging.errors.js';
import { failureOf } from './redis-errors.js';
import { RedisConnection } from './redis-connection.js';
import type { RedisServerOptions } from './redis.options.js';
import type { RedisScript } from './redis-script.js';
import type { Argument } from './script-call.js';

/** The connection of a store. Whatever it cannot answer is `STORE_UNAVAILABLE`. */
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
      const { message } = failureOf(error, this.#connection.label).error;
      throw new MessagingError('STORE_UNAVAILABLE', message);
    }
  }
}
