import { randomUUID } from 'node:crypto';
import { type Inbox, inboxAddress, type OnReply } from '../../../../core/messaging/ports/replies.js';
import type { Clock, Transport } from '../../../../core/messaging/ports/transport.js';
import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { OPEN_INBOX } from '../scripts/index.js';
import { inboxKey } from '../topology/redis-keys.js';
import { InFlightEntry, type RawEntry } from '../wire/stream-entry.js';
import { BLOCK_MS, type RedisReader } from './redis-reader.js';

/** The server deletes the stream of a process that has been gone for so long. */
const EXPIRES_MS = 60_000;
const REFRESH_MS = 15_000;
const RETRY_BACKOFF = { minMs: 50, maxMs: 2_000 } as const;
const BATCH_SIZE = 256;
const STOP_TIMEOUT_MS = 3_000;

export interface RedisInboxSettings {
  readonly identity: Pick<Transport, 'name' | 'system'>;
  readonly keyPrefix: string;
  readonly control: RedisConnection;
  /** A connection of its own for the stream with this key. */
  readonly readerOf: (key: string) => RedisReader;
  readonly clock: Clock;
}

/**
 * A stream of this process for the replies to its requests.
 *
 * Not a channel of publish and subscribe: what is published there while the process reconnects is lost, a cluster cannot say
 * whether it was received, and a user needs permissions for channels.
 */
export class RedisInbox implements Inbox {
  readonly #key: string;
  readonly #reader: RedisReader;
  #lastId = '0-0';
  #isUp = false;
  #isClosed = false;
  #refreshAt = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly settings: RedisInboxSettings,
    private readonly onReply: OnReply,
  ) {
    this.#key = inboxKey(settings.keyPrefix, randomUUID());
    this.#reader = settings.readerOf(this.#key);
  }

  get address(): string {
    return this.#isUp ? inboxAddress(this.settings.identity, this.#key) : '';
  }

  /** Rejects when the server cannot be reached now. */
  async open(): Promise<void> {
    await this.#connect();
    this.#loop = this.#read();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isUp = false;
    this.#reader.close();
    await settlesWithin(this.#loop, STOP_TIMEOUT_MS, this.settings.clock);
    // Without it the server deletes the stream after a while.
    const { control, clock } = this.settings;
    const gone = control.call('unlink', this.#key).catch(() => undefined);
    await settlesWithin(gone, STOP_TIMEOUT_MS, clock);
  }

  async #connect(): Promise<void> {
    await this.#reader.open();
    await this.#refresh();
    this.#isUp = true;
  }

  async #refresh(): Promise<void> {
    const { control, clock } = this.settings;
    await control.run(OPEN_INBOX, [this.#key], [EXPIRES_MS]);
    this.#refreshAt = clock.monotonic() + REFRESH_MS;
  }

  /** Until it is closed. Replies that arrive while it reconnects wait in the stream. */
  async #read(): Promise<void> {
    for (let failures = 0; !this.#isClosed;) {
      try {
        if (!this.#isUp) await this.#connect();
        await this.#next();
        failures = 0;
      } catch {
        this.#isUp = false;
        this.#reader.drop();
        await pause(backoffMs(failures, RETRY_BACKOFF), this.settings.clock);
        failures += 1;
      }
    }
  }

  async #next(): Promise<void> {
    const args = ['COUNT', BATCH_SIZE, 'BLOCK', BLOCK_MS, 'STREAMS', this.#key, this.#lastId];
    const reading = this.#reader.waitFor('xread', ...args);
    if (this.settings.clock.monotonic() >= this.#refreshAt) await this.#refreshBehind(reading);
    const reply = (await reading) as readonly (readonly [Buffer, readonly RawEntry[]])[] | null;
    const entries = reply?.[0]?.[1] ?? [];
    if (entries.length === 0) return;
    const last = (entries.at(-1) as RawEntry)[0].toString('latin1');
    this.#lastId = last;
    // It travels with the next read. All up to the last at once, because XDEL looks for each id.
    this.#reader.callBuffer('xtrim', this.#key, 'MINID', behind(last)).catch(() => undefined);
    for (const [id, fields] of entries) if (fields) this.onReply(this.#message(id, fields));
  }

  /** What rejects here ends the read as well. */
  async #refreshBehind(reading: Promise<unknown>): Promise<void> {
    reading.catch(() => undefined);
    await this.#refresh();
  }

  #message(id: Buffer, fields: readonly Buffer[]): InFlightEntry['message'] {
    const origin = { source: 2, stream: this.#key, consumer: '' } as const;
    return new InFlightEntry(origin, id, fields, 0).message;
  }
}

/** The smallest id behind this one. */
function behind(id: string): string {
  const [ms, nth] = id.split('-');
  return `${ms}-${BigInt(nth ?? 0) + 1n}`;
}
