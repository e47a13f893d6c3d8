import type {
  DeadLetterStatus,
  DeadLetterSummary,
} from '../../../../core/messaging/ports/dead-letter-store.js';

/** What lists and filters look at. The rest is read only for letters that are shown. */
export type Row = Omit<DeadLetterSummary, 'history'>;

/** What dead letters are counted by. */
export interface CountKey {
  readonly topic: string;
  readonly group: string;
  readonly status: DeadLetterStatus;
}
