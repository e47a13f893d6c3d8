import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Subscription } from '../../../../core/messaging/ports/transport.js';
import { type GroupKeys, TopicKeys } from '../topology/redis-keys.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { InFlightEntry, type Origin, type RawEntry, type Source } from '../wire/stream-entry.js';
import type { RedisReader } from './redis-reader.js';
import { plainAcknowledgements, type Settled, settlementArguments } from './redis-settler.js';
import type { RedisScript } from '../scripts/redis-script.js';
import { JOIN, LEAVE, PENDING, SETTLE, TAKE, TICK, TRIM } from '../scripts/index.js';
import type { Argument } from '../scripts/script-call.js';

const NONE: readonly InFlightEntry[] = [];
/** Entries that one script examines at most, so that the server stays responsive. */
const SCAN_LIMIT = 500;

/** The lease of this consumer had expired, and other consumers have its entries. */
export const FENCED = Symbol('fenced');

type DeliveredEntry = readonly [source: number, id: Buffer, fields: readonly Buffer[], crashes: number];

/** The commands of one consumer, and their replies. */
export class RedisGroup {
  readonly keys: GroupKeys;
  /** Name of the consumer, a new one each time the server has fenced the last. */
  consumer = consumerName();
  readonly #ownLog: Buffer;

  constructor(
    private readonly connection: RedisConnection,
    readonly reader: RedisReader,
    private readonly about: {
      readonly subscription: Subscription;
      readonly prefix: string;
      readonly leaseMs: number;
    },
  ) {
    const { topic, group } = about.subscription;
    this.keys = new TopicKeys(about.prefix, topic).group(group);
    this.#ownLog = Buffer.from(this.keys.log);
  }

  /** Creates missing streams and groups, and begins the lease. True when any was missing. */
  async join(): Promise<boolean> {
    const { topicLog, log, consumers } = this.keys;
    const made = await this.connection.run(
      JOIN,
      [topicLog, log, consumers],
      [this.#name, this.consumer, this.about.leaseMs],
    );
    return Number(made) > 0;
  }

  /** Joins under another name. The server delivers the entries of the old one again. */
  rejoin(): Promise<boolean> {
    this.consumer = consumerName();
    return this.join();
  }

  async leave(): Promise<void> {
    const { topicLog, log, consumers } = this.keys;
    const keys = [topicLog, log, consumers];
    while (Number(await this.connection.run(LEAVE, keys, [this.#name, this.consumer])) === 1);
  }

  /** Waits for entries, up to `blockMs`. */
  async read(count: number, blockMs: number): Promise<InFlightEntry[]> {
    return this.#itemsOf(this.reader.waitFor('xreadgroup', ...this.#reading(count, ['BLOCK', blockMs])));
  }

  /** Reads without waiting for new entries. The request leaves before this returns. */
  readAhead(count: number): Promise<InFlightEntry[]> {
    const items = this.#itemsOf(this.reader.callBuffer('xreadgroup', ...this.#reading(count, [])));
    this.reader.send();
    return items;
  }

  #reading(count: number, block: readonly Argument[]): Argument[] {
    const { topicLog, log } = this.keys;
    return ['GROUP', this.#name, this.consumer, 'COUNT', count, ...block, 'STREAMS', topicLog, log, '>', '>'];
  }

  async #itemsOf(answer: Promise<unknown>): Promise<InFlightEntry[]> {
    const { consumer } = this;
    const reply = await answer;
    const items: InFlightEntry[] = [];
    for (const [name, entries] of (reply ?? []) as readonly [Buffer, readonly RawEntry[]][]) {
      const source: Source = name.equals(this.#ownLog) ? 2 : 1;
      const origin: Origin = { source, consumer };
      for (const [id, fields] of entries) if (fields) items.push(new InFlightEntry(origin, id, fields, 0));
    }
    return items;
  }

  /** The pending entries of this consumer behind the two ids; up to `count` of each stream. */
  async pending(after: readonly [string, string], count: number): Promise<InFlightEntry[]> {
    const { topicLog, log, crashes } = this.keys;
    const reply = await this.#onReader(
      PENDING,
      [topicLog, log, crashes],
      [this.#name, this.consumer, ...after, count],
    );
    return this.#read(reply as readonly DeliveredEntry[]);
  }

  /** Takes entries whose keys are not in flight, without waiting. */
  async take(
    room: number,
  ): Promise<
    | typeof FENCED
    | { readonly more: boolean; readonly last: [string, string]; readonly items: InFlightEntry[] }
  > {
    const { topicLog, log, consumers, locks, waiting } = this.keys;
    const reply = await this.#onReader(
      TAKE,
      [topicLog, log, consumers, locks, waiting],
      [this.#name, this.consumer, room, SCAN_LIMIT],
    );
    if (isFenced(reply)) return FENCED;
    const [more, lastTopic, lastGroup, entries] = reply as readonly [
      number,
      Buffer,
      Buffer,
      readonly DeliveredEntry[],
    ];
    return {
      more: more === 1,
      last: [lastTopic.toString(), lastGroup.toString()],
      items: this.#read(entries),
    };
  }

  /** Waits until a stream has an entry behind the ids, up to `blockMs`. */
  async wake(after: readonly [string, string], blockMs: number): Promise<void> {
    const { topicLog, log } = this.keys;
    await this.reader.waitFor('xread', 'COUNT', 1, 'BLOCK', blockMs, 'STREAMS', topicLog, log, ...after);
  }

  /** @param wants to be given the entries that wait for the settled keys. */
  async settle(
    settled: readonly Settled[],
    wants: boolean,
  ): Promise<typeof FENCED | readonly InFlightEntry[]> {
    const { topicLog, log, delayed, consumers, crashes, locks, waiting } = this.keys;
    const plain = plainAcknowledgements(settled, this.about.subscription.ordering === 'key');
    if (plain) {
      const to = this.reader.isFree ? this.reader : this.connection;
      await to.callBuffer('xack', topicLog, this.#name, ...plain);
      return NONE;
    }
    const keys = [topicLog, log, delayed, consumers, crashes, locks, waiting];
    const args = [this.#name, this.consumer, wants ? 1 : 0, ...settlementArguments(settled)];
    const reply = this.reader.isFree
      ? await this.#onReader(SETTLE, keys, args)
      : await this.connection.runBuffer(SETTLE, keys, args);
    return isFenced(reply) ? FENCED : this.#read(reply as readonly DeliveredEntry[]);
  }

  async tick(
    room: number,
  ): Promise<typeof FENCED | { readonly dueMs: number | undefined; readonly items: InFlightEntry[] }> {
    const { topicLog, topicDelayed, log, delayed, consumers, crashes, locks } = this.keys;
    const reply = await this.connection.runBuffer(
      TICK,
      [topicLog, topicDelayed, log, delayed, consumers, crashes, locks],
      [this.#name, this.consumer, this.about.leaseMs, room],
    );
    if (isFenced(reply)) return FENCED;
    const [dueMs, entries] = reply as readonly [number, readonly DeliveredEntry[]];
    return { dueMs: dueMs < 0 ? undefined : dueMs, items: this.#read(entries) };
  }

  /** Removes the entries that all groups have settled. True when there may be more. */
  async trim(orphanRetentionMs: number): Promise<boolean> {
    const [, more] = (await this.connection.run(TRIM, [this.keys.topicLog], [orphanRetentionMs])) as number[];
    return more === 1;
  }

  get #name(): string {
    return this.about.subscription.group;
  }

  /** On the connection of the reader, so that settlements arrive before the next read. */
  async #onReader(script: RedisScript, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.reader.callBuffer('evalsha', script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return this.reader.callBuffer('eval', script.lua, keys.length, ...keys, ...args);
    }
  }

  #read(entries: readonly DeliveredEntry[]): InFlightEntry[] {
    const { consumer } = this;
    return entries.map(
      ([source, id, fields, crashes]) =>
        new InFlightEntry({ source: source === 2 ? 2 : 1, consumer }, id, fields, crashes),
    );
  }
}

function isFenced(reply: unknown): boolean {
  return Buffer.isBuffer(reply) && reply.toString() === 'fenced';
}

/** Holds host and process id, for operators. */
function consumerName(): string {
  return `${hostname().slice(0, 60)}-${process.pid}-${randomUUID().slice(0, 8)}`;
}
