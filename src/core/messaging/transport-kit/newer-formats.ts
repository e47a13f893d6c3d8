import { NEWER_FORMAT } from '../ports/formats.js';
import type { Clock, Subscription } from '../ports/transport.js';
import type { ProblemList } from './problem-list.js';

/** A problem counts as solved when nothing was found for this long. */
const QUIET_MS = 60_000;

export interface NewerFormatsOptions {
  /** Absent for what belongs to no group. */
  readonly of?: Partial<Pick<Subscription, 'topic' | 'group'>>;
  /** Name of the server or store. */
  readonly label: string;
  readonly problems: Pick<ProblemList, 'add' | 'solve'>;
  readonly clock: Clock;
}

interface Found {
  readonly format: number;
  /** On the monotonic clock. */
  readonly at: number;
  readonly isThere: () => boolean;
}

/** Reports what is in a format of a newer version, once while it is found again and again. This version leaves it alone. */
export class NewerFormats {
  /** By what it is, as a plural. */
  readonly #found = new Map<string, Found>();
  #cancel: (() => void) | undefined;

  constructor(private readonly options: NewerFormatsOptions) {}

  /**
   * @param what a plural, such as `messages`.
   * @param format its number; undefined is a no-op.
   * @param isThere whether it still is, where that is known without finding it again.
   */
  found(what: string, format: number | undefined, isThere = (): boolean => false): void {
    if (format === undefined) return;
    this.#found.set(what, { format, at: this.options.clock.monotonic(), isThere });
    this.#report();
    this.#cancel ??= this.#expireLater();
  }

  /** What it watches ends here. */
  ended(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#found.clear();
    this.#report();
  }

  #expireLater(): () => void {
    const { clock } = this.options;
    return clock.schedule(QUIET_MS, () => {
      for (const [what, { at, isThere }] of this.#found)
        if (clock.monotonic() - at >= QUIET_MS && !isThere()) this.#found.delete(what);
      this.#report();
      this.#cancel = this.#found.size === 0 ? undefined : this.#expireLater();
    });
  }

  #report(): void {
    const { of: { topic, group } = {}, label, problems } = this.options;
    const place = { ...(topic === undefined ? {} : { topic }), ...(group === undefined ? {} : { group }) };
    if (this.#found.size === 0) {
      problems.solve(NEWER_FORMAT, place);
      return;
    }
    const found = [...this.#found].map(([what, { format }]) => `${what} of format ${format}`).sort();
    const owner = group === undefined ? '' : ` of group "${group}" of "${topic}"`;
    problems.add({
      code: NEWER_FORMAT,
      ...place,
      detail:
        `${label} has ${found.join(' and ')}${owner}, written by a newer version of Switchyard. This version leaves them as they are; ` +
        'processes of the newer version handle them. Finish the upgrade, or read docs/operating/upgrading.md before a downgrade.',
    });
  }
}
