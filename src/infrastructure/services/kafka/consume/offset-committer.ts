import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import { isRebalance, isTransient, isUnavailable } from '../client/kafka-errors.js';
import type { GroupMembership } from './group-membership.js';
import type { Partition } from './partition.js';

/** Commit interval, which bounds what is delivered again after a crash. */
const INTERVAL_MS = 200;
const PLACE_PATIENCE_MS = 20_000;

/** Commits the offsets of all partitions that a member reads; one request at a time. */
export class OffsetCommitter {
  #last: Promise<void> = Promise.resolve();
  /** The next commit, while the last one runs: for all callers meanwhile. */
  #queued: Promise<void> | undefined;
  #isScheduled = false;

  constructor(
    private readonly membership: Pick<GroupMembership, 'commit'>,
    private readonly partitions: () => Iterable<Partition>,
    private readonly clock: Clock,
    /** Called with each failure; the commit is retried. */
    private readonly failed: (error: unknown) => void,
  ) {}

  /**
   * Resolves once the position is stored from which the group keeps everything. A rebalance, or a new consumer in place of one that
   * has failed, interrupts that: then it is tried again.
   *
   * @param opened resolves once the positions are known.
   */
  async place(opened: () => Promise<void>): Promise<void> {
    for (const deadline = this.clock.monotonic() + PLACE_PATIENCE_MS; ;)
      try {
        await opened();
        await this.now();
        return;
      } catch (error) {
        const canRetry = isRebalance(error) || isTransient(error) || isUnavailable(error);
        if (!canRetry || this.clock.monotonic() > deadline) throw error;
        await pause(INTERVAL_MS);
      }
  }

  /** Within the commit interval. */
  later(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.schedule(INTERVAL_MS, () => {
      this.#isScheduled = false;
      void this.now().catch((error: unknown) => {
        this.failed(error);
        this.later();
      });
    });
  }

  /**
   * Resolves once everything is committed that was settled at the time of the call.
   *
   * @param isOpen see {@link Partition.committable}. When false, every partition is committed: one of which nothing has
   *   changed may be stored as in flight.
   */
  now(isOpen = true): Promise<void> {
    if (isOpen && this.#queued) return this.#queued;
    const next = this.#last
      .catch(() => undefined)
      .then(() => {
        if (this.#queued === next) this.#queued = undefined;
        return this.#commit(isOpen);
      });
    if (isOpen) this.#queued = next;
    this.#last = next;
    return next;
  }

  async #commit(isOpen: boolean): Promise<void> {
    const dirty = [...this.partitions()].filter(
      ({ isDirty, isLost, isStopped, newerProgress }) =>
        (isDirty || (!isOpen && !isStopped)) && !isLost && newerProgress === undefined,
    );
    if (dirty.length === 0) return;
    try {
      const offsets = dirty.map((partition) => partition.committable(isOpen));
      await this.membership.commit(offsets);
      dirty.forEach((partition, nth) => partition.stored(Number(offsets[nth]?.offset)));
    } catch (error) {
      for (const partition of dirty) partition.isDirty = true;
      throw error;
    }
  }
}
