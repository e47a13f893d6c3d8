/** One file because all commands of a consumer share its name, its keys and the encoding of replies. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import type { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Subscription } from '../../../../core/messaging/ports/transport.js';
import { type GroupKeys, TopicKeys } from '../topology/redis-keys.js';
import type { BrokerFailure } from '../../../../core/messaging/transport-kit/broker-failure.js';
import { failureOf, replyCode, topologyMissing } from '../client/redis-errors.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { readInTurns, type UnreadEntry } from '../wire/read-in-turns.js';
import type { InFlightEntry, Origin, RawEntry, Source } from '../wire/stream-entry.js';
import type { RedisReader } from './redis-reader.js';
import { plainAcknowledgements, type SettledBatch, settlementArguments } from './redis-settler.js';
import type { RedisScript } from '../scripts/redis-script.js';
import { INSPECT, JOIN, LEAVE, PENDING, SET_ASIDE, SETTLE, TAKE, TICK, TRIM } from '../scripts/index.js';
import type { Argument } from '../scripts/script-call.js';

const NOTHING_MORE: SettleReply = { items: [], failures: [], removed: 0, rewritten: 0, discarded: 0 };
/** Entries that one script examines at most, so that the server stays responsive. */
const SCAN_LIMIT = 500;

/** The lease of this consumer had expired, and other consumers have its entries. */
export const FENCED = Symbol('fenced');

type DeliveredEntry = readonly [
  source: number,
  id: Buffer,
  fields: readonly Buffer[] | null,
  crashes: number,
];

/** What a join has found. */
export interface Joined {
  /** The group was missing from a stream. */
  readonly wasMissing: boolean;
  /** The stream of the topic did not exist, that of the group did not exist. */
  readonly deleted: readonly [boolean, boolean];
}

/** What became of a batch of settlements. */
export interface SettleReply {
  /** Entries that waited for the settled keys. */
  readonly items: readonly InFlightEntry[];
  /** Retries that the server did not write, by their index in the batch. */
  readonly failures: readonly { readonly index: number; readonly error: string }[];
  /** Entries that waited for the settled keys and no longer exist. */
  readonly removed: number;
  /** Retries that were written although their entry was not pending any more. */
  readonly rewritten: number;
  /** Members of sets that are not of this transport and were removed. They hold no messages. */
  readonly discarded: number;
}

/** What a consumer has found out about its group. */
export interface Observation {
  readonly removed: { readonly unread: number; readonly pending: number; readonly delayed: number };
  /** Pending entries of removed consumers that are delivered again. */
  readonly recovered: number;
  /** Messages that no consumer has in memory: unsettled entries of both streams, members of both sorted sets. */
  readonly held: readonly [topic: number, group: number, topicDelayed: number, groupDelayed: number];
  /** As of {@link SettleReply}. */
  readonly discarded: number;
  /** Format of the observed state when it is of a newer version: nothing was looked for. */
  readonly newer?: number;
}

/** What a heartbeat has found. */
export interface Tick {
  readonly dueMs: number | undefined;
  readonly items: InFlightEntry[];
  /** Pending entries that no longer exist. */
  readonly removed: number;
  /** As of {@link SettleReply}. */
  readonly discarded: number;
  /** Keys of another type, or streams whose ids are used up. */
  readonly spoilt: readonly string[];
  /** The highest format of a newer version among entries that are set aside, and among due messages; undefined when there are none. */
  readonly newer: { readonly entries: number | undefined; readonly delayed: number | undefined };
}

/** The commands of one consumer, and their replies. */
export class RedisGroup {
  readonly keys: GroupKeys;
  /** Name of the consumer, a new one each time the server has fenced the last. */
  consumer = consumerName();
  readonly #ownLog: Buffer;
  #generation = '';
  /** Due members of both sorted sets that the next heartbeat passes over. */
  #passOver: readonly number[] = [0, 0];

  constructor(
    private readonly connection: RedisConnection,
    readonly reader: RedisReader,
    private readonly about: {
      readonly subscription: Subscription;
      readonly prefix: string;
      readonly leaseMs: number;
      /** `verify`: nothing is created. */
      readonly topology: 'declare' | 'verify';
    },
  ) {
    const { topic, group } = about.subscription;
    this.keys = new TopicKeys(about.prefix, topic).group(group);
    this.#ownLog = Buffer.from(this.keys.log);
  }

  /** Explains an error of any of its commands, also one that a script returned, and reconnects where that helps. */
  explain(error: unknown): BrokerFailure {
    const { connection } = this;
    connection.react(error);
    return failureOf(error, connection.label, { whyDown: connection.whyDown });
  }

  /**
   * Creates missing streams and groups, and begins the lease.
   *
   * @throws MessagingError `TOPOLOGY_MISSING` with the commands to run, when nothing may be created.
   */
  join(): Promise<Joined> {
    return this.#join('', this.consumer);
  }

  /**
   * Joins under another name: the server delivers the entries of the old one again. Keeps the name when the group was lost, because
   * no other consumer has them then.
   */
  rejoin(): Promise<Joined> {
    return this.#join(this.#generation, consumerName());
  }

  async #join(generation: string, name: string): Promise<Joined> {
    const { topicLog, log, consumers, observed, waiting } = this.keys;
    const creates = this.about.topology === 'declare' ? 1 : 0;
    const reply = await this.connection.run(
      JOIN,
      [topicLog, log, consumers, observed, waiting],
      [this.#name, name, this.about.leaseMs, generation, this.consumer, creates],
    );
    const [joinedAs, joined, ...found] = reply as readonly [string, string, number, number];
    if (joinedAs === '') throw this.#missing(found);
    this.consumer = joinedAs;
    this.#generation = joined;
    return { wasMissing: found[0] + found[1] > 0, deleted: [found[0] === 2, found[1] === 2] };
  }

  #missing(found: readonly [number, number]): MessagingError {
    const { topicLog, log } = this.keys;
    const commands = [topicLog, log].flatMap((stream, index) =>
      found[index] === 0 ? [] : [`XGROUP CREATE ${stream} ${this.#name} 0 MKSTREAM`],
    );
    return topologyMissing(this.connection.label, commands);
  }

  /** Resolves with the number of pending entries that no longer existed. */
  async leave(): Promise<number> {
    const { topicLog, log, consumers, observed } = this.keys;
    const keys = [topicLog, log, consumers, observed];
    let removed = 0;
    for (;;) {
      const [more, gone] = (await this.connection.run(LEAVE, keys, [this.#name, this.consumer])) as number[];
      removed += gone ?? 0;
      if (more !== 1) return removed;
    }
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
    const reply = ((await answer) ?? []) as readonly [Buffer, readonly RawEntry[]][];
    const unread: UnreadEntry[] = [];
    for (const [name, entries] of reply) {
      const origin = this.#origin(name.equals(this.#ownLog) ? 2 : 1);
      for (const [id, fields] of entries) if (fields) unread.push({ origin, id, fields, crashes: 0 });
    }
    return readInTurns(unread);
  }

  #origin(source: Source): Origin {
    return { source, stream: this.#stream(source), consumer: this.consumer };
  }

  /** The pending entries of this consumer behind the two ids; up to `count` of each stream. */
  async pending(
    after: readonly [string, string],
    count: number,
  ): Promise<{
    readonly items: readonly InFlightEntry[];
    /** Those that no longer exist. */
    readonly removed: readonly { readonly source: Source; readonly entryId: string }[];
  }> {
    const { topicLog, log, crashes } = this.keys;
    const reply = await this.#onReader(
      PENDING,
      [topicLog, log, crashes],
      [this.#name, this.consumer, ...after, count],
    );
    const entries = reply as readonly DeliveredEntry[];
    const removed = entries.flatMap(([source, id, fields]) =>
      fields ? [] : [{ source: source === 2 ? (2 as const) : (1 as const), entryId: id.toString() }],
    );
    return { items: await this.#read(entries), removed };
  }

  /** Takes an entry that no longer exists off the list of this consumer. True when it was there. */
  async forget({ source, entryId }: { readonly source: Source; readonly entryId: string }): Promise<boolean> {
    return (await this.connection.call('xack', this.#stream(source), this.#name, entryId)) === 1;
  }

  /** Takes entries whose keys are not in flight, without waiting. */
  async take(room: number): Promise<
    | typeof FENCED
    | {
        readonly more: boolean;
        readonly last: [string, string];
        readonly items: InFlightEntry[];
        readonly discarded: number;
      }
  > {
    const { topicLog, log, consumers, locks, waiting } = this.keys;
    const reply = await this.#onReader(
      TAKE,
      [topicLog, log, consumers, locks, waiting],
      [this.#name, this.consumer, room, SCAN_LIMIT],
    );
    if (isFenced(reply)) return FENCED;
    const [more, lastTopic, lastGroup, entries, discarded] = reply as readonly [
      number,
      Buffer,
      Buffer,
      readonly DeliveredEntry[],
      number,
    ];
    return {
      more: more === 1,
      last: [lastTopic.toString(), lastGroup.toString()],
      items: await this.#read(entries),
      discarded,
    };
  }

  /** Waits until a stream has an entry behind the ids, up to `blockMs`. */
  async wake(after: readonly [string, string], blockMs: number): Promise<void> {
    const { topicLog, log } = this.keys;
    await this.reader.waitFor('xread', 'COUNT', 1, 'BLOCK', blockMs, 'STREAMS', topicLog, log, ...after);
  }

  /** @param wants to be given the entries that wait for the settled keys. */
  async settle({ number, settled }: SettledBatch, wants: boolean): Promise<typeof FENCED | SettleReply> {
    const { topicLog, log, delayed, consumers, crashes, locks, waiting } = this.keys;
    const plain = plainAcknowledgements(settled, this.about.subscription.ordering === 'key');
    if (plain) {
      const to = this.reader.isFree ? this.reader : this.connection;
      await to.callBuffer('xack', topicLog, this.#name, ...plain);
      return NOTHING_MORE;
    }
    const last = this.keys.settledBy(this.consumer);
    const keys = [topicLog, log, delayed, consumers, crashes, locks, waiting, last];
    const hasRetries = settled.some(({ settlement }) => settlement.kind === 'retry');
    const how = [wants ? 1 : 0, hasRetries ? number : ''];
    const args = [this.#name, this.consumer, ...how, ...settlementArguments(settled)];
    const reply = this.reader.isFree
      ? await this.#onReader(SETTLE, keys, args)
      : await this.connection.runBuffer(SETTLE, keys, args);
    if (isFenced(reply)) return FENCED;
    const [entries, failures, removed, rewritten, discarded] = reply as readonly [
      readonly DeliveredEntry[],
      readonly (number | Buffer)[],
      number,
      number,
      number,
    ];
    return {
      items: await this.#read(entries),
      failures: failuresOf(failures),
      removed,
      rewritten,
      discarded,
    };
  }

  /** Hands entries of a newer version back, those that are still pending with this consumer. */
  async setAside(entries: readonly InFlightEntry[]): Promise<void> {
    const { topicLog, log, locks } = this.keys;
    const args = entries.flatMap(({ origin, entryId, lockKey, newerFormat = 0 }): Argument[] => [
      origin.source,
      entryId,
      lockKey === undefined ? '' : Buffer.concat([EQUALS, lockKey]),
      newerFormat,
    ]);
    await this.connection.run(SET_ASIDE, [topicLog, log, locks], [this.#name, this.consumer, ...args]);
  }

  async tick(room: number): Promise<typeof FENCED | Tick> {
    const { topicLog, topicDelayed, log, delayed, consumers, crashes, locks, waiting, observed } = this.keys;
    const reply = await this.connection.runBuffer(
      TICK,
      [topicLog, topicDelayed, log, delayed, consumers, crashes, locks, waiting, observed],
      [this.#name, this.consumer, this.about.leaseMs, room, ...this.#passOver],
    );
    if (isFenced(reply)) return FENCED;
    const [dueMs, entries, removed, discarded, spoilt, ...rest] = reply as readonly [
      number,
      readonly DeliveredEntry[],
      number,
      number,
      readonly Buffer[],
      number,
      number,
      number,
      number,
    ];
    const [passTopic, passGroup, newerEntries, newerDelayed] = rest;
    this.#passOver = [passTopic, passGroup];
    return {
      dueMs: dueMs < 0 ? undefined : dueMs,
      items: await this.#read(entries),
      removed,
      discarded,
      spoilt: spoilt.map(String),
      newer: { entries: newerEntries || undefined, delayed: newerDelayed || undefined },
    };
  }

  /**
   * Looks for what other clients have removed. Undefined when another process did so just now.
   *
   * @param inFlight with locked keys, where the order by key is kept.
   */
  async inspect(inFlight: Iterable<InFlightEntry>): Promise<Observation | undefined> {
    const { topicLog, log, topicDelayed, delayed, consumers, locks, waiting, observed } = this.keys;
    const isOrdered = this.about.subscription.ordering === 'key';
    const locked: Argument[] = [];
    if (isOrdered)
      for (const { lockKey, name, origin } of inFlight)
        if (lockKey && origin.consumer === this.consumer) locked.push(lockKey, name);
    const reply = await this.connection.run(
      INSPECT,
      [topicLog, log, topicDelayed, delayed, consumers, locks, waiting, observed],
      [this.#name, this.consumer, isOrdered ? 1 : 0, ...locked],
    );
    return observationOf(reply as readonly number[]);
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
      if (replyCode(error) !== 'NOSCRIPT') throw error;
      return this.reader.callBuffer('eval', script.lua, keys.length, ...keys, ...args);
    }
  }

  #stream(source: Source): string {
    return source === 2 ? this.keys.log : this.keys.topicLog;
  }

  #read(entries: readonly DeliveredEntry[]): Promise<InFlightEntry[]> {
    const unread: UnreadEntry[] = [];
    for (const [source, id, fields, crashes] of entries)
      if (fields) unread.push({ origin: this.#origin(source === 2 ? 2 : 1), id, fields, crashes });
    return readInTurns(unread);
  }
}

/** The script replies positions from 1 and errors in turn. */
function failuresOf(reply: readonly (number | Buffer)[]): SettleReply['failures'] {
  return reply.flatMap((position, at) =>
    at % 2 === 0 ? [{ index: Number(position) - 1, error: String(reply[at + 1]) }] : [],
  );
}

function observationOf(reply: readonly number[]): Observation | undefined {
  if (reply.length === 0) return undefined;
  if (reply.length === 1)
    return { ...NOTHING_OBSERVED, ...(reply[0] === undefined ? {} : { newer: reply[0] }) };
  const [unread = 0, pending = 0, lost = 0, recovered = 0] = reply;
  const held = reply.slice(4, 8) as unknown as Observation['held'];
  return { removed: { unread, pending, delayed: lost }, recovered, held, discarded: reply[8] ?? 0 };
}

const NOTHING_OBSERVED: Observation = {
  removed: { unread: 0, pending: 0, delayed: 0 },
  recovered: 0,
  held: [0, 0, 0, 0],
  discarded: 0,
};
const EQUALS = Buffer.from('=');

function isFenced(reply: unknown): boolean {
  return Buffer.isBuffer(reply) && reply.toString() === 'fenced';
}

/** Holds host and process id, for operators, and the format of what it holds. */
function consumerName(): string {
  return `${hostname().slice(0, 60)}-${process.pid}-${randomUUID().slice(0, 8)}~${FORMATS.lease}`;
}
