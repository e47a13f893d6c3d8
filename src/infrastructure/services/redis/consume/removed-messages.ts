import type { Subscription, TransportEvent } from '../../../../core/messaging/ports/transport.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { Joined, Observation } from './redis-group.js';

/** Why messages are gone, as events and metrics show it. */
type Reason =
  /** Unread entries: by XTRIM, XDEL or the MAXLEN of another client. */
  | 'trimmed'
  /** Entries that were delivered and not settled, or the consumer that held them. */
  | 'pending_deleted'
  | 'delayed_deleted'
  /** A whole stream: by DEL, FLUSHALL, eviction or a failover. */
  | 'stream_deleted';

export interface RemovedFrom extends Pick<Subscription, 'topic' | 'group'> {
  /** Name of the server. */
  readonly label: string;
  readonly onEvent: (event: TransportEvent) => void;
  readonly problems: ProblemList;
}

/** Counts and reports what other clients have removed from a group. */
export class RemovedMessages {
  /** As of the last observation, at most a few seconds ago. */
  #held: Observation['held'] = [0, 0, 0, 0];

  constructor(private readonly from: RemovedFrom) {}

  add(count: number, reason: Reason): void {
    if (count <= 0) return;
    const { topic, group, onEvent } = this.from;
    onEvent({ type: 'unread-removed', topic, group, count, reason });
  }

  observed({ removed, recovered, held }: Observation): void {
    this.#held = held;
    this.add(removed.unread, 'trimmed');
    this.add(removed.pending, 'pending_deleted');
    this.add(removed.delayed, 'delayed_deleted');
    if (recovered > 0)
      this.#happened(
        'pending_entries_removed',
        `Another client removed a consumer of ${this.#name} with ${recovered} pending messages. They are delivered again. ` +
          'Find the client that runs XGROUP DELCONSUMER.',
      );
  }

  /** Retries whose entries another client had removed are safe all the same. */
  rewritten(count: number): void {
    if (count > 0)
      this.#happened(
        'pending_entries_removed',
        `Another client removed ${count} pending entries of ${this.#name} while their messages were in flight. ` +
          'Their retries were written from memory. Find the client that runs XGROUP DELCONSUMER, XACK or DEL.',
      );
  }

  /** The group is joined. */
  joined({ wasMissing, deleted }: Joined): void {
    if (!wasMissing) return;
    const [topic, group, topicDelayed, groupDelayed] = this.#held;
    const isFlushed = deleted[0] && deleted[1];
    this.add((deleted[0] ? topic : 0) + (deleted[1] ? group : 0), 'stream_deleted');
    if (isFlushed) this.add(topicDelayed + groupDelayed, 'delayed_deleted');
    this.#held = [0, 0, 0, 0];
    const lost =
      deleted[0] || deleted[1]
        ? 'its pending messages are lost there'
        : 'the messages of its streams are delivered again';
    this.#happened(
      'group_deleted',
      `Group ${this.#name} no longer existed on ${this.from.label} and was recreated; ${lost}. ` +
        'Find the client that runs FLUSHALL, DEL or XGROUP DESTROY, or the failover that lost it.',
    );
  }

  /** @param error undefined when it was possible. */
  inspected(error: Error | undefined): void {
    this.#lasts(
      'removals_not_observed',
      error,
      `Messages that other clients remove from ${this.#name} cannot be noticed.`,
    );
  }

  /** @param error undefined when it was possible. */
  trimmed(error: Error | undefined): void {
    this.#lasts(
      'stream_not_trimmed',
      error,
      `Messages that every group of "${this.from.topic}" has settled cannot be removed, so that the stream grows.`,
    );
  }

  #lasts(code: string, error: Error | undefined, what: string): void {
    const { topic, group, problems } = this.from;
    if (!error) problems.solve(code, { topic, group });
    else problems.add({ code, topic, group, detail: `${what} ${error.message}` });
  }

  get #name(): string {
    return `"${this.from.group}" of "${this.from.topic}"`;
  }

  #happened(code: string, detail: string): void {
    const { topic, group, problems } = this.from;
    problems.happened({ code, topic, group, detail });
  }
}
