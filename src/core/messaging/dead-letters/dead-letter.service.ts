import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { MessagingError } from '../ports/errors.js';
import type { MessagingEvent } from '../observing/events.js';
import type { Clock } from '../ports/transport.js';
import { AuditLog } from './audit-log.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterStatus,
  DeadLetterStore,
  DeadLetterSummary,
  NewDeadLetter,
} from '../ports/dead-letter-store.js';
import {
  DEAD_LETTER_LIMITS,
  DEAD_LETTER_STORE,
  MESSAGING_CLOCK,
  MESSAGING_EMIT,
  REPLAY_PUBLISHER,
} from '../messaging.tokens.js';
import type { DeadLetterLimits, DeadLetterStorage } from '../ports/dead-letter-limits.js';
import { Redactor } from '../redaction/redactor.js';
import { withShownError } from './dead-letter.js';
import { DeadLetterRetention } from './dead-letter-retention.js';
import { storeWithDeadline } from './store-with-deadline.js';
import { replayOne, type ReplayDependencies, type ReplayResult } from './replay-one.js';
import type { ReplayPublisher } from './replay-publisher.js';

/** The actor and the reason of a change. Both are written to the audit log. */
export interface Operator {
  /** A name that readers of the log recognise. */
  readonly actor: string;
  readonly reason?: string;
}

/**
 * Dead letters for applications: look at them, and send one again, set it aside or discard it. `OperationsService` does so
 * with many.
 *
 * Every change is written to the audit log before it happens, and its outcome afterwards. Methods reject with `NOT_FOUND`,
 * `CONFLICT` (the letter is in another state than the change needs), `OPTION_INVALID` or `STORE_UNAVAILABLE`, and those
 * that change something with `AUDIT_UNAVAILABLE` when the audit log does not take the entry; nothing has changed then.
 */
@Injectable()
export class DeadLetterService implements OnModuleDestroy {
  readonly #store: DeadLetterStore;
  readonly #dependencies: ReplayDependencies;
  readonly #retention: DeadLetterRetention;

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    @Inject(DEAD_LETTER_STORE) store: DeadLetterStore,
    @Inject(REPLAY_PUBLISHER) publisher: ReplayPublisher,
    @Inject(MESSAGING_EMIT) private readonly emit: (event: MessagingEvent) => void,
    @Inject(MESSAGING_CLOCK) clock: Clock,
    private readonly audit: AuditLog,
    @Inject(DEAD_LETTER_LIMITS) limits: DeadLetterLimits,
    private readonly redactor: Redactor,
  ) {
    this.#store = storeWithDeadline(store, clock);
    this.#retention = new DeadLetterRetention(this.#store, limits, clock, emit);
    this.#dependencies = { store: this.#store, publisher, emit, clock };
  }

  /** Newest first. `limit` 1 to 200. */
  list(
    filter: DeadLetterFilter,
    page: { readonly limit: number; readonly after?: string },
  ): Promise<DeadLetterPage> {
    return this.#store.list(filter, page);
  }

  /** The letter with its headers and bytes. Rejects with `NOT_FOUND`. */
  async get(id: string): Promise<DeadLetter> {
    const deadLetter = await this.#store.find(id);
    if (!deadLetter) throw notFound(id);
    return deadLetter;
  }

  /** Letters that failed in the same way, largest group first. */
  groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]> {
    return this.#store.groups(filter, limit);
  }

  /**
   * Sends the message back to the group that gave it up, and to no other, with the same id.
   *
   * Takes letters that are `failed` or `archived`, and `replaying` ones that a dead process has left behind. Rejects
   * with `PUBLISH_UNAVAILABLE` or `PUBLISH_REFUSED` when it was certainly not sent; the letter is `failed` then.
   *
   * @param options `force` also takes a `replayed` letter, whose message may then be handled twice.
   */
  replay(id: string, options: Operator & { readonly force?: boolean }): Promise<ReplayResult> {
    return this.#audited('replay', id, options, () =>
      replayOne(id, options.force ?? false, this.#dependencies),
    );
  }

  /** Sets a `failed` letter aside, so that it no longer counts as open. */
  archive(id: string, by: Operator): Promise<DeadLetterSummary> {
    return this.#audited('archive', id, by, () => this.#change(id, ['failed'], 'archived'));
  }

  /** Makes an `archived` letter `failed` again. */
  restore(id: string, by: Operator): Promise<DeadLetterSummary> {
    return this.#audited('restore', id, by, () => this.#change(id, ['archived'], 'failed'));
  }

  /** Removes an `archived` letter permanently, or with `force` a letter in any state. */
  discard(id: string, options: Operator & { readonly force?: boolean }): Promise<void> {
    return this.#audited('discard', id, options, async () => {
      const deadLetter = await this.get(id);
      if (options.force !== true && deadLetter.status !== 'archived') {
        throw conflict(deadLetter, 'discarded', 'Archive it first, or use force.');
      }
      if (!(await this.#store.discard(id))) throw notFound(id);
      this.#emitChange(deadLetter, 'discarded');
    });
  }

  /** How much of its limits the store uses, at most 15 s old. */
  storage(): DeadLetterStorage {
    const { limits, usage, problems } = this.#retention;
    return { limits, ...(usage && { usage }), problems: problems.all() };
  }

  /** As {@link storage}, asked for now. */
  async storageNow(): Promise<DeadLetterStorage> {
    await this.#retention.refresh();
    return this.storage();
  }

  /** Begins to keep the store within its limits. Called by the core once it has connected. */
  startRetention(): void {
    this.#retention.start();
  }

  /**
   * Keeps a letter for the delivery pipeline. Rejects with `STORE_UNAVAILABLE` when that is not certain in time, and with
   * `STORE_FULL` when there is no room.
   */
  async park(deadLetter: NewDeadLetter): Promise<string> {
    const id = await this.#retention.add(withShownError(deadLetter, this.redactor));
    this.#emitChange({ ...deadLetter, id }, 'failed');
    return id;
  }

  /** Called by the delivery pipeline once the message of a replayed letter was handled. False if nothing changed. */
  async resolve(id: string): Promise<boolean> {
    // `failed` too: a copy whose outcome was unknown can be handled after another copy has failed again.
    const deadLetter = await this.#store.transition(id, ['replaying', 'replayed', 'failed'], 'resolved');
    if (deadLetter) this.#emitChange(deadLetter, 'resolved');
    return deadLetter !== undefined;
  }

  onModuleDestroy(): void {
    this.#retention.stop();
  }

  async #change(
    id: string,
    from: readonly DeadLetterStatus[],
    to: DeadLetterStatus,
  ): Promise<DeadLetterSummary> {
    const changed = await this.#store.transition(id, from, to);
    if (!changed) throw conflict(await this.get(id), to, `It must be ${from.join(' or ')}.`);
    this.#emitChange(changed, to);
    return changed;
  }

  async #audited<T>(
    operation: 'replay' | 'archive' | 'restore' | 'discard',
    id: string,
    { actor, reason }: Operator,
    work: () => Promise<T>,
  ): Promise<T> {
    const action = { action: operation, id, actor, ...(reason !== undefined && { reason }) };
    try {
      const result = await this.audit.change(action, work);
      this.emit({ type: 'dead-letter-operation', operation, outcome: 'succeeded' });
      return result;
    } catch (error) {
      this.emit({ type: 'dead-letter-operation', operation, outcome: 'failed' });
      throw error;
    }
  }

  #emitChange(
    deadLetter: Pick<DeadLetterSummary, 'id' | 'topic' | 'group'>,
    to: DeadLetterStatus | 'discarded',
  ): void {
    this.emit({
      type: 'dead-letter-changed',
      id: deadLetter.id,
      topic: deadLetter.topic,
      group: deadLetter.group,
      to,
    });
  }
}

function notFound(id: string): MessagingError {
  return new MessagingError('NOT_FOUND', `There is no dead letter ${JSON.stringify(id.slice(0, 80))}.`);
}

function conflict(deadLetter: DeadLetterSummary, wanted: string, advice: string): MessagingError {
  return new MessagingError(
    'CONFLICT',
    `Dead letter "${deadLetter.id}" is ${deadLetter.status} and cannot be ${wanted}. ${advice}`,
  );
}
