import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type {
  Clock,
  Consumer,
  OnDelivery,
  Subscription,
  TransportContext,
  TransportEvent,
} from '../../../../core/messaging/ports/transport.js';
import { Catalog, groupKey, type GroupRecord } from '../log/catalog.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { ErrorDeduplicator } from '../../../../core/messaging/transport-kit/error-deduplicator.js';
import { SteadyClock } from '../../../../core/messaging/transport-kit/steady-clock.js';
import type { CorruptRecords } from '../database/corrupt-records.js';
import { asDiskError } from '../database/disk-errors.js';
import { DueTimer } from '../log/due-timer.js';
import { DueTable } from '../log/due-table.js';
import { EmbeddedDatabase } from '../database/embedded-database.js';
import type { EmbeddedOptions } from '../embedded.options.js';
import { Group } from '../groups/group.js';
import { GroupConsumer } from '../groups/group-consumer.js';
import { DeliveryJournal } from '../journal/delivery-journal.js';
import type { DeliveryRecord } from '../journal/delivery-records.js';
import { DeliveryState } from '../journal/delivery-state.js';
import type { LogContext } from '../groups/log-context.js';
import { DueMover } from './due-mover.js';
import { Retention } from './retention.js';
import type { TopicLog } from '../log/topic-log.js';
import { TABLES } from '../database/table-names.js';
import { TopicLogs } from '../log/topic-logs.js';
import { Trimmer } from './trimmer.js';
import { DispatchCycle } from '../groups/dispatch-cycle.js';

/** Handlers that still run when the transport closes are waited for this long. */
const CLOSE_DRAIN_MS = 5_000;

/** How an opened log reports that it cannot be used. */
export interface EngineListener {
  /** It has to be abandoned and opened again. */
  readonly suspect: (error: Error) => void;
  /** Called every few seconds: with what keeps consumers from their messages, or with nothing. */
  readonly checked: (error: Error | undefined) => void;
  readonly corrupt: CorruptRecords;
}

/** Everything between `connect` and `close` of one embedded transport. */
export class LogEngine implements LogContext {
  readonly name: string;
  readonly clock: Clock;
  readonly options: EmbeddedOptions;
  readonly database: EmbeddedDatabase;
  readonly catalog: Catalog;
  readonly due: DueTable;
  readonly alarm: DueTimer;
  readonly journal: DeliveryJournal;
  readonly turns: DispatchCycle;
  readonly topics: TopicLogs;
  readonly noteCorrupt: (place: string, records?: number) => void;
  readonly #context: TransportContext;
  readonly #troubles = new ErrorDeduplicator((error) => this.emit({ type: 'error', error }));
  readonly #mover = new DueMover();
  readonly #trimmer: Trimmer;
  readonly #retention: Retention;
  readonly #consumers = new Set<GroupConsumer>();
  /** By group id, for the groups that are in the catalog. */
  readonly #states = new Map<number, DeliveryState>();
  readonly #groups = new Map<number, Group>();
  #closed = false;

  private constructor(
    database: EmbeddedDatabase,
    {
      options,
      context,
      corrupt,
    }: { options: EmbeddedOptions; context: TransportContext; corrupt: CorruptRecords },
  ) {
    this.name = context.name;
    this.clock = new SteadyClock(context.clock);
    this.options = options;
    this.#context = context;
    this.database = database;
    this.noteCorrupt = (place, records) => corrupt.note(place, records);
    this.catalog = new Catalog(database.table('catalog'), (place) => this.noteCorrupt(place));
    this.due = new DueTable(database.table('due'), this.catalog.opened);
    for (const { id } of this.catalog.groups.values()) this.#states.set(id, new DeliveryState());
    this.journal = new DeliveryJournal(database.directory, {
      apply: (record) => this.#states.get(record.groupId)?.apply(record),
      onMissing: () => this.#onMissing(),
      snapshot: (add) => this.#snapshot(add),
    });
    this.alarm = new DueTimer(this.clock, (ownerId) => this.#onDue(ownerId));
    this.turns = new DispatchCycle(this.journal, (error) => this.reportError(error));
    const removal = { database, catalog: this.catalog };
    const { mayBePlain } = database;
    const log = { table: database.rawTable('log'), mayBePlain, onDamaged: this.noteCorrupt };
    this.topics = new TopicLogs(this.catalog, log);
    this.#trimmer = new Trimmer(removal, (error) => this.reportError(error));
    this.#retention = new Retention({
      ...removal,
      options,
      topics: this.topics,
      clock: this.clock,
      emit: (event) => this.emit(event),
    });
  }

  /** @throws what {@link EmbeddedDatabase.open} throws. */
  static async open(
    options: EmbeddedOptions,
    context: TransportContext,
    listener: EngineListener,
  ): Promise<LogEngine> {
    const opened: { engine?: LogEngine } = {};
    const database = await EmbeddedDatabase.open({
      directory: options.directory,
      tables: TABLES.transport,
      maxBytes: options.maxBytes,
      onSuspect: listener.suspect,
      onChecked: (error) => listener.checked(opened.engine?.turns.stalled ?? error),
    });
    try {
      const open = new LogEngine(database, { options, context, corrupt: listener.corrupt });
      opened.engine = open;
      await database.commit({ write: () => open.catalog.writeAll() });
      open.#resume();
      return open;
    } catch (error) {
      await database.close();
      throw asDiskError(database.directory, error);
    }
  }

  get keepRefused(): TransportContext['keepRefused'] {
    return this.#context.keepRefused;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  emit(event: TransportEvent): void {
    this.#context.onEvent(event);
  }

  reportError(error: Error): void {
    this.#troubles.trouble(error);
  }

  recovered(): void {
    this.#troubles.over();
  }

  /** The group if it is known. */
  group(topic: string, group: string): Group | undefined {
    const record = this.catalog.groups.get(groupKey(topic, group));
    return record && this.#groupFor(record);
  }

  /** The group, made durable if it is new (or was not subscribed so far). */
  async ensureGroup(topic: string, group: string, subscribed: boolean): Promise<Group> {
    const known = this.catalog.groups.get(groupKey(topic, group));
    if (known && (known.subscribed || !subscribed)) return this.#groupFor(known);
    const log = this.topics.of(topic);
    const record: GroupRecord = known
      ? { ...known, subscribed, floor: log.firstSeq }
      : { id: this.catalog.newId(), topic, group, subscribed, floor: log.firstSeq };
    await this.database.commit({
      write: () => {
        this.catalog.write(log.record);
        this.catalog.write(record);
      },
      settled: (committed) => {
        if (!committed) return;
        this.catalog.remember(log.record);
        this.#remember(record);
      },
    });
    const made = this.group(topic, group);
    if (!made) throw new MessagingError('TRANSPORT_UNAVAILABLE', `The group "${group}" could not be kept.`);
    return made;
  }

  noteSettled(log: TopicLog): void {
    this.#trimmer.note(log);
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    const group = await this.ensureGroup(subscription.topic, subscription.group, true);
    if (this.#closed) throw new MessagingError('TRANSPORT_CLOSED', `The transport "${this.name}" is closed.`);
    const consumer = new GroupConsumer(group, this, {
      subscription,
      onDelivery,
      onStopping: (stopping) => group.remove(stopping),
      onStopped: (stopped) => this.#consumers.delete(stopped),
    });
    this.#consumers.add(consumer);
    group.add(consumer);
    return consumer;
  }

  /** Called once the group is no longer in the catalog. */
  forget(group: Group): void {
    this.catalog.forget(group.record);
    this.#states.delete(group.record.id);
    this.#groups.delete(group.record.id);
    group.log.readers.delete(group);
  }

  /** Ends intake, waits a little for what runs, and writes everything down. */
  async close(): Promise<void> {
    const stops = [...this.#consumers].map((consumer) => consumer.stop());
    await settlesWithin(Promise.all(stops), CLOSE_DRAIN_MS);
    this.#closed = true;
    this.alarm.stop();
    this.#retention.stop();
    this.turns.stop();
    await settlesWithin(this.#trimmer.stop(), CLOSE_DRAIN_MS);
    try {
      this.journal.close();
    } catch (error) {
      this.reportError(error as Error);
    }
    await this.database.close();
  }

  /** Lets go of a directory that cannot be trusted. Settlements of what is in flight are dropped, and nothing is written. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.alarm.stop();
    this.#retention.stop();
    this.turns.stop();
    await settlesWithin(this.#trimmer.stop(), CLOSE_DRAIN_MS);
    this.journal.abandon();
    await this.database.close();
  }

  #remember(record: GroupRecord): void {
    this.catalog.remember(record);
    const group = this.#groups.get(record.id);
    if (group) group.record = record;
    else if (!this.#states.has(record.id)) this.#states.set(record.id, new DeliveryState());
  }

  #groupFor(record: GroupRecord): Group {
    const known = this.#groups.get(record.id);
    if (known) return known;
    const log = this.topics.of(record.topic);
    const state = this.#states.get(record.id) ?? new DeliveryState();
    this.#states.set(record.id, state);
    const group = new Group(record, { open: this, log, state });
    this.#groups.set(record.id, group);
    log.readers.add(group);
    return group;
  }

  #resume(): void {
    for (const record of this.catalog.groups.values()) this.#groupFor(record);
    const names = new Map([...this.catalog.topics.values()].map(({ id, topic }) => [id, topic]));
    for (const ownerId of this.due.owners()) {
      const topic = names.get(ownerId);
      if (topic !== undefined) this.#onDue(this.topics.of(topic).id);
    }
    this.#retention.start();
  }

  #onDue(ownerId: number): void {
    const group = this.#groups.get(ownerId);
    if (group) {
      group.dueArrived();
      return;
    }
    for (const log of this.topics) if (log.id === ownerId) this.#mover.move(this, log);
  }

  #onMissing(): void {
    this.noteCorrupt('part of the delivery journal: some messages may be delivered once more');
    for (const { id, floor } of this.catalog.groups.values()) this.#states.get(id)?.noteMissing(floor);
  }

  #snapshot(add: (record: DeliveryRecord) => void): void {
    for (const [groupId, state] of this.#states) for (const record of state.records(groupId)) add(record);
  }
}
