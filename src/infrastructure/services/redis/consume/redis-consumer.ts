/** One file because reading, settling and the heartbeat of a consumer share its state. */
import { type BackoffRange, backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import type { BrokerFailure } from '../../../../core/messaging/transport-kit/broker-failure.js';
import { handOver } from '../../../../core/messaging/transport-kit/hand-over.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { LinkedSet } from '../../../../core/messaging/transport-kit/linked-set.js';
import { ErrorDeduplicator } from '../../../../core/messaging/transport-kit/error-deduplicator.js';
import type {
  Consumer,
  OnDelivery,
  Settlement,
  Subscription,
  TransportContext,
} from '../../../../core/messaging/ports/transport.js';
import { Heartbeat } from './heartbeat.js';
import type { InFlightEntry } from '../wire/stream-entry.js';
import { isNoGroup, scriptError } from '../client/redis-errors.js';
import { FENCED, type RedisGroup } from './redis-group.js';
import { ForeignData } from './foreign-data.js';
import { Interruption } from './interruption.js';
import { LostReplies } from './lost-replies.js';
import { NewerEntries } from './newer-entries.js';
import { RefusedRetries } from './refused-retries.js';
import { RemovedMessages } from './removed-messages.js';
import { type Capacity, type FetchStrategy, readInTurn, takeByKey } from './fetch-strategy.js';
import { RedisSettler, type Settled, type SettledBatch } from './redis-settler.js';

/** Longest wait for more free slots while fewer than half are free. */
const GATHER_MS = 2;
const RETRY_BACKOFF = { minMs: 50, maxMs: 2_000 } as const;
/** Wide from the start, because all consumers of a server lose it in the same moment. */
const REOPEN_BACKOFF = { minMs: 250, maxMs: 2_000 } as const;
/** Shortest time between two looks for what other clients have removed. */
const INSPECT_MS = 1_000;
/** Reading pauses while more settlements than these are unconfirmed. */
const MAX_UNCONFIRMED = 2_000;
/** Longest wait of a stop for the last settlements, and again for leaving the group. */
const STOP_TIMEOUT_MS = 3_000;

export interface ConsumerSettings {
  readonly subscription: Subscription;
  readonly leaseMs: number;
  readonly orphanRetentionMs: number;
  /** Name of the server in errors. */
  readonly label: string;
  readonly problems: ProblemList;
}

/** Serves one subscription, through reconnects and failovers. */
export class RedisConsumer implements Consumer {
  readonly #slots: DeliverySlots<InFlightEntry>;
  readonly #settler = new RedisSettler();
  readonly #heartbeat: Heartbeat;
  readonly #fetchStrategy: FetchStrategy;
  readonly #inFlight = new LinkedSet<InFlightEntry>();
  readonly #replies: LostReplies;
  readonly #errors: ErrorDeduplicator;
  readonly #removed: RemovedMessages;
  readonly #foreign: ForeignData;
  readonly #refused: RefusedRetries;
  readonly #newer: NewerEntries;
  readonly #formats: NewerFormats;
  readonly #interruption: Interruption;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  #loop: Promise<void> = Promise.resolve();
  #isFlushScheduled = false;
  #wakeLoop: (() => void) | undefined;
  #rejoining: Promise<void> | undefined;
  /** The stream of the topic may have entries to remove. */
  #isTrimWanted = true;
  #inspectedAt = -Infinity;

  constructor(
    private readonly group: RedisGroup,
    private readonly settings: ConsumerSettings,
    private readonly onDelivery: OnDelivery,
    private readonly context: TransportContext,
  ) {
    const { subscription, leaseMs, label, problems } = settings;
    const { topic, group: name } = subscription;
    this.#removed = new RemovedMessages({ topic, group: name, label, problems, onEvent: context.onEvent });
    this.#foreign = new ForeignData({ of: subscription, label, problems });
    this.#interruption = new Interruption({ of: subscription, problems, clock: context.clock });
    this.#replies = new LostReplies(group, this.#inFlight, (n) => this.#removed.add(n, 'pending_deleted'));
    this.#formats = new NewerFormats({ of: { topic, group: name }, label, problems, clock: context.clock });
    this.#errors = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
    this.#newer = new NewerEntries(
      group,
      (items) => items.forEach((item) => this.#inFlight.delete(item)),
      (error) => this.#errors.trouble(this.group.explain(error).error),
    );
    this.#refused = new RefusedRetries({
      to: subscription,
      context,
      settle: (item, settlement) => this.#settled(item, settlement),
      failed: (error) => this.#errors.trouble(error as Error),
    });
    // Because the server keeps the order by key, over all processes.
    this.#slots = new DeliverySlots(
      { concurrency: subscription.concurrency, ordering: 'none' },
      (item, done) => this.#deliver(item, done),
      () => this.#wakeLoop?.(),
    );
    this.#fetchStrategy =
      subscription.ordering === 'key'
        ? takeByKey(group, (count) => this.#foreign.discarded(count))
        : readInTurn(group, subscription.concurrency);
    this.#heartbeat = new Heartbeat(context.clock, leaseMs, () => this.#tick());
  }

  /** Rejects when the server cannot be reached now. */
  async start(): Promise<void> {
    await this.group.join();
    await this.group.reader.open();
    this.#heartbeat.start();
    this.#loop = this.#read();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Drops the settlements of everything that is still in flight. */
  abandon(): void {
    this.#isStopping = true;
    this.#heartbeat.stop();
    this.#refused.close();
    this.#drop(this.#settler.close());
    this.group.reader.close();
    this.#wakeLoop?.();
    this.#newer.close();
    this.#interruption.ended();
    this.#foreign.ended();
    this.#formats.ended();
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#wakeLoop?.();
    this.group.reader.close();
    await this.#loop;
    this.#slots.withdraw(); // other consumers get these once this one has left
    await this.#slots.idle();
    this.#flush();
    await settlesWithin(this.#allSettled(), STOP_TIMEOUT_MS, this.context.clock);
    this.#heartbeat.stop();
    this.#refused.close();
    this.#newer.close();
    this.#drop(this.#settler.close());
    const left = this.group
      .leave()
      .then((count) => this.#removed.add(count, 'pending_deleted'))
      .catch(() => undefined); // its lease expires then
    await settlesWithin(left, STOP_TIMEOUT_MS, this.context.clock);
    this.#interruption.ended();
    this.#foreign.ended();
    this.#formats.ended();
  }

  /** A refused retry becomes a dead letter first, and its entry is settled then. */
  async #allSettled(): Promise<void> {
    do {
      await this.#refused.idle();
      await this.#settler.idle();
    } while (this.#refused.size > 0);
  }

  async #read(): Promise<void> {
    const capacity: Capacity = { free: () => this.#slots.free, settle: () => this.#flush() };
    for (let failures = 0; !this.#hasEnded();) {
      let startedAt = this.context.clock.monotonic();
      try {
        if (failures > 0 || this.#replies.mayMiss)
          for await (const items of this.#replies.recover()) this.#take(items);
        await this.#freeSlots();
        if (this.#hasEnded()) return;
        startedAt = this.context.clock.monotonic();
        this.#take(await this.#fetchStrategy.take(capacity));
        this.#interruption.works('reading');
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!this.#hasEnded()) await this.#repair(error, { failures, startedAt });
      }
    }
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #hasEnded(): boolean {
    return this.#isStopping;
  }

  /** Waits for a free slot, and a little longer for many of them, because one read for many costs little more than for one. */
  async #freeSlots(): Promise<void> {
    const { concurrency } = this.settings.subscription;
    while (!this.#isStopping) {
      this.#flush(); // first, so that on the same connection the server sees it before the next read
      const { free } = this.#slots;
      if (this.#settler.unconfirmed + this.#refused.size > MAX_UNCONFIRMED) await pause(GATHER_MS);
      else if (free * 2 >= concurrency) return;
      else if (free > 0) {
        await settlesWithin(this.#woken(), GATHER_MS);
        if (this.#slots.free === free) return;
      } else await this.#woken();
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => (this.#wakeLoop = resolve));
  }

  #take(items: typeof FENCED | readonly InFlightEntry[]): void {
    if (items === FENCED) throw new FencedError();
    this.#errors.over();
    if (this.#isStopping) return; // because `leave` returns them to the group
    let ignored = 0;
    let newer: InFlightEntry[] | undefined;
    for (const item of items) {
      if (item.hasIgnoredHeaders) ignored += 1;
      this.#inFlight.add(item);
      if (item.newerFormat === undefined) this.#slots.offer(item);
      else (newer ??= []).push(item);
    }
    if (newer) this.#leaveToNewer(newer);
    if (ignored === 0) return;
    const { topic, group } = this.settings.subscription;
    this.context.onEvent({ type: 'headers-ignored', topic, group, count: ignored });
  }

  #leaveToNewer(items: readonly InFlightEntry[]): void {
    for (const { newerFormat } of items) this.#formats.found('messages', newerFormat);
    this.#newer.add(items);
  }

  #deliver(item: InFlightEntry, done: () => void): void {
    const { message, attempt, unacceptable } = item;
    const delivery = {
      message,
      attempt,
      transport: this.context.name,
      ...(unacceptable && { unacceptable }),
    };
    handOver(this.onDelivery, delivery, (settlement) => {
      this.#settled(item, settlement);
      done();
    });
  }

  #settled(item: InFlightEntry, settlement: Settlement): void {
    if (this.#settler.add(item, settlement)) this.#flushSoon();
    else this.#dropped(item);
    if (settlement.kind === 'retry') this.#heartbeat.expect(settlement.delayMs);
  }

  /** Settlements of one turn of the event loop go together; they travel with a read that is about to leave. */
  #flushSoon(): void {
    if (this.#settler.isSending || this.#isFlushScheduled || this.#fetchStrategy.isAhead) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => process.nextTick(() => this.#flush()));
  }

  /** Sends the settlements that wait, unless a batch is in flight, which is followed by the rest. */
  #flush(): void {
    this.#isFlushScheduled = false;
    void this.#sendSettled();
  }

  async #sendSettled(): Promise<void> {
    for (let batch = this.#settler.next(); batch; batch = this.#settler.next()) {
      const startedAt = this.context.clock.monotonic();
      try {
        const { number, settled } = batch;
        const ours = settled.filter(({ item }) => this.#isOurs(item));
        const open = ours.length > 0 ? await this.#settle({ number, settled: ours }) : NONE;
        this.#drop(settled.filter(({ item }) => !this.#isOurs(item))); // also those whose lease was lost meanwhile
        for (const { item } of settled) if (!open.has(item)) this.#inFlight.delete(item);
        this.#isTrimWanted = true;
        this.#interruption.works('settling');
        this.#settler.confirm();
      } catch (error) {
        const failure = this.group.explain(error);
        this.#interruption.failed('settling', error, { error: failure.error, startedAt });
        if (this.#isRefused(batch, failure)) this.#settler.confirm();
        else this.#drop(await this.#settler.repeat());
      }
    }
  }

  /** Resolves with the entries whose retries the server did not write: they are still in flight. */
  async #settle(batch: SettledBatch): Promise<ReadonlySet<InFlightEntry>> {
    let reply: Awaited<ReturnType<RedisGroup['settle']>>;
    do {
      reply = await this.#replies.observe(this.group.settle(batch, !this.#isStopping));
      if (reply === FENCED) await this.#rejoin();
      // Again under the same name when the group was lost: no other consumer has its entries.
    } while (reply === FENCED && batch.settled.every(({ item }) => this.#isOurs(item)));
    if (reply === FENCED) return NONE;
    this.#take(this.#replies.unseen(reply.items));
    this.#removed.add(reply.removed, 'pending_deleted');
    this.#removed.rewritten(reply.rewritten);
    this.#foreign.discarded(reply.discarded);
    const open = new Set<InFlightEntry>();
    for (const { index, error } of reply.failures) {
      const settled = batch.settled[index] as Settled;
      open.add(settled.item);
      this.#refused.add(settled, this.group.explain(scriptError(error)));
    }
    return open;
  }

  /** The server permits none of the batch: a repetition as it is would fail for ever. */
  #isRefused({ settled }: SettledBatch, failure: BrokerFailure): boolean {
    if (failure.kind !== 'refused') return false;
    for (const one of settled) this.#refused.add(one, failure);
    return true;
  }

  /** False once another consumer has taken it over. */
  #isOurs({ origin }: InFlightEntry): boolean {
    return origin.consumer === this.group.consumer;
  }

  /** Resolves with the time of the next tick, if something is due before the usual one. */
  async #tick(): Promise<number | undefined> {
    const room = this.#isStopping ? 0 : Math.max(0, this.#slots.free);
    const startedAt = this.context.clock.monotonic();
    const ticked = await this.#replies
      .observe(this.group.tick(room))
      .catch((error: unknown) => this.#joinIf(error, startedAt));
    if (ticked === FENCED) {
      await this.#rejoin().catch((error: unknown) => this.#failed('heartbeat', error, startedAt));
      return undefined;
    }
    this.#interruption.works('heartbeat');
    this.#take(this.#replies.unseen(ticked.items));
    this.#removed.add(ticked.removed, 'pending_deleted');
    this.#foreign.discarded(ticked.discarded);
    this.#foreign.spoilt(ticked.spoilt);
    this.#formats.found('messages', ticked.newer.entries);
    this.#formats.found('delayed messages', ticked.newer.delayed);
    await this.#inspect();
    await this.#trim();
    return ticked.dueMs;
  }

  /** A heartbeat may notice before the reader that the group is gone. */
  async #joinIf(error: unknown, startedAt: number): Promise<never> {
    if (!isNoGroup(error)) {
      const { error: reported } = this.group.explain(error);
      this.#interruption.failed('heartbeat', error, { error: reported, startedAt });
    } else {
      this.#removed.joined(await this.group.join());
      this.group.reader.drop(); // because its blocking read waits for a stream that is gone
    }
    throw error;
  }

  async #inspect(): Promise<void> {
    const now = this.context.clock.monotonic();
    if (this.#isStopping || now - this.#inspectedAt < INSPECT_MS) return;
    this.#inspectedAt = now;
    try {
      const observation = await this.group.inspect(this.#inFlight);
      if (observation) this.#formats.found('notes for recovery', observation.newer);
      if (observation && observation.newer === undefined) {
        this.#removed.observed(observation);
        this.#foreign.discarded(observation.discarded);
      }
      this.#removed.inspected(undefined);
    } catch (error) {
      const failure = this.group.explain(error);
      if (failure.kind === 'refused') this.#removed.inspected(failure.error);
    }
  }

  async #trim(): Promise<void> {
    if (!this.#isTrimWanted || this.#isStopping) return;
    this.#isTrimWanted = false;
    try {
      this.#isTrimWanted = await this.group.trim(this.settings.orphanRetentionMs);
      this.#removed.trimmed(undefined);
    } catch (error) {
      this.#isTrimWanted = true;
      const failure = this.group.explain(error);
      if (failure.kind === 'refused') this.#removed.trimmed(failure.error);
    }
  }

  /** Ends with the consumer ready for another try, after a wait. */
  async #repair(
    error: unknown,
    { failures, startedAt }: { readonly failures: number; readonly startedAt: number },
  ): Promise<void> {
    const wait = (range: BackoffRange): Promise<void> => this.#waitAtMost(backoffMs(failures, range));
    try {
      if (error instanceof FencedError) await this.#rejoin();
      else if (isNoGroup(error)) this.#removed.joined(await this.group.join());
      else {
        this.#failed('reading', error, startedAt);
        await wait(REOPEN_BACKOFF);
        if (!this.#hasEnded()) await this.group.reader.open(); // because after a failover or a moved slot it is another server
        return;
      }
    } catch (again) {
      this.#failed('reading', again, startedAt); // the next round tries again
    }
    await wait(RETRY_BACKOFF);
  }

  #failed(activity: Parameters<Interruption['failed']>[0], cause: unknown, startedAt: number): void {
    const { error } = this.group.explain(cause);
    this.#errors.trouble(error);
    this.#interruption.failed(activity, cause, { error, startedAt });
  }

  /** Ends early only when the consumer stops. */
  async #waitAtMost(ms: number): Promise<void> {
    const { clock } = this.context;
    const until = clock.monotonic() + ms;
    for (let left = ms; left > 0 && !this.#hasEnded(); left = until - clock.monotonic())
      await settlesWithin(this.#woken(), left, clock);
  }

  #rejoin(): Promise<void> {
    this.#rejoining ??= this.#joinAgain().finally(() => (this.#rejoining = undefined));
    return this.#rejoining;
  }

  async #joinAgain(): Promise<void> {
    this.#removed.joined(await this.group.rejoin());
    this.group.reader.drop(); // because its blocking read uses the old name
    for (const item of this.#inFlight) if (!this.#isOurs(item)) this.#inFlight.delete(item);
  }

  #drop(settled: readonly Settled[]): void {
    for (const { item } of settled) this.#dropped(item);
  }

  #dropped(item: InFlightEntry): void {
    this.#inFlight.delete(item);
    const { topic, group } = this.settings.subscription;
    this.context.onEvent({ type: 'settlement-dropped', topic, group });
  }
}

const NONE: ReadonlySet<InFlightEntry> = new Set();

/** Other consumers have taken over the entries of this one. */
class FencedError extends Error {}
