import type { DeadLetterSummary } from '../../../../core/messaging/ports/dead-letter-store.js';
import type { CountKey, Row } from './dead-letter-row.js';

const UNKNOWN = 'unknown';

/** Stands for a dead letter whose own record is not as it was written. `known` is what the index says of it. */
export function corruptRow(id: string, known: CountKey | undefined, bodyBytes: number): Row {
  const at = timeOf(id);
  const error: DeadLetterSummary['error'] = {
    type: 'RecordCorrupt',
    code: 'RECORD_CORRUPT',
    message: 'The record of this dead letter is not as it was written. What is left of its message is kept.',
  };
  return {
    id,
    status: known?.status ?? 'failed',
    topic: known?.topic ?? UNKNOWN,
    group: known?.group ?? UNKNOWN,
    handler: UNKNOWN,
    transport: UNKNOWN,
    messageId: `Dead letter ${id}`,
    reason: 'corrupt',
    error,
    fingerprint: 'corrupt',
    attempts: 0,
    firstFailedAt: at,
    deadLetteredAt: at,
    updatedAt: at,
    replayCount: 0,
    bodyBytes,
    revision: 1,
  };
}

/** A UUIDv7 begins with its time. */
function timeOf(id: string): number {
  const at = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  return Number.isNaN(at) ? 0 : at;
}
