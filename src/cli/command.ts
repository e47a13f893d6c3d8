/** What a command ends with, for scripts. Documented in docs/operating/command-line.md. */
export const EXIT = {
  ok: 0,
  /** It was done, and something is damaged, lost or not well. */
  damaged: 1,
  /** The command line is wrong. */
  usage: 2,
  /** It could not be done. */
  failed: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Where a command writes: results to `out`, progress and errors to `err`. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** A group of commands, such as `switchyard embedded ...`. */
export interface CommandGroup {
  /** For `--help`: a line for each command. */
  readonly usage: string;
  /** @throws UsageError when the arguments are wrong, and errors whose message says what to do. */
  run(args: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/** The command line is wrong. */
export class UsageError extends Error {}
