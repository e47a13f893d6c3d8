/** How far the work on a table has come. */
interface Progress {
  readonly table: string;
  readonly records: number;
  readonly expected: number;
}

export type OnProgress = (progress: Progress) => void;
