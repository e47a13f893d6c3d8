import type { Subscription } from '../../../../core/messaging/ports/transport.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';

const SPOILT = 'keys_spoilt';
const DISCARDED = 'foreign_members_removed';

export interface ForeignDataOptions {
  readonly of: Pick<Subscription, 'topic' | 'group'>;
  /** Name of the server. */
  readonly label: string;
  readonly problems: ProblemList;
}

/** Reports what other clients have written into the keys of a group. Messages among it become dead letters instead. */
export class ForeignData {
  constructor(private readonly options: ForeignDataOptions) {}

  /** @param keys of another type, or streams whose ids are used up: what they are for rests until they are corrected. */
  spoilt(keys: readonly string[]): void {
    const { of, label, problems } = this.options;
    if (keys.length === 0) problems.solve(SPOILT, of);
    else
      problems.add({
        code: SPOILT,
        ...this.#place,
        detail:
          `${label} has keys that group "${of.group}" of "${of.topic}" cannot use: ${keys.join(', ')}. ` +
          'Each is of another type, or its ids are used up. What it is for, such as delays or order, rests meanwhile. ' +
          'Remove the key, or choose another keyPrefix.',
      });
  }

  /** @param count of members of sets and hashes that hold no message. */
  discarded(count: number): void {
    if (count === 0) return;
    const { of, label, problems } = this.options;
    problems.happened({
      code: DISCARDED,
      ...this.#place,
      detail:
        `${label} had ${count} members in the sets of group "${of.group}" of "${of.topic}" that are not of this transport. ` +
        'They were removed; they hold no message. Find the client that writes there.',
    });
  }

  /** The consumer ends. */
  ended(): void {
    this.options.problems.solve(SPOILT, this.options.of);
  }

  get #place(): Pick<Subscription, 'topic' | 'group'> {
    const { topic, group } = this.options.of;
    return { topic, group };
  }
}
