import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';

/** Code of the problem of a directory with records that are not as they were written. */
const RECORD_CORRUPT = 'record_corrupt';
/** More places than this are counted again when they are seen again. */
const MAX_REMEMBERED = 10_000;

/** Reports the damaged records of a directory as a problem, which lasts until the process ends. */
export class CorruptRecords {
  readonly #places = new Set<string>();
  #count = 0;

  constructor(
    private readonly directory: string,
    private readonly problems: ProblemList,
  ) {}

  /**
   * Counts and reports them once.
   *
   * @param place names the record, or all of them.
   * @param records how many.
   */
  note(place: string, records = 1): void {
    if (this.#places.has(place)) return;
    if (this.#places.size < MAX_REMEMBERED) this.#places.add(place);
    this.#count += records;
    const detail =
      `${this.#count === 1 ? 'A record' : `${this.#count} records`} in ${this.directory} ` +
      `${this.#count === 1 ? 'is' : 'are'} not as written; the last one found: ${place}. ` +
      `Messages become dead letters with the reason corrupt. Check the disk and the memory of this machine, ` +
      `then look at every record: npx switchyard embedded check ${this.directory}`;
    this.problems.add({ code: RECORD_CORRUPT, detail });
  }
}
