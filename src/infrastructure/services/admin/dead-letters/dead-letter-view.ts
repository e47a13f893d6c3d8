import type {
  DeadLetter,
  DeadLetterGroup,
  DeadLetterSummary,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import type { DeadLetterStorage } from '../../../../core/messaging/ports/dead-letter-limits.js';
import { lowerOf } from '../../../../core/messaging/ports/dead-letter-filter.js';
import { HEADER, TRACEPARENT } from '../../../../core/messaging/message/headers.js';
import type { Redactor } from '../../../../core/messaging/redaction/redactor.js';
import { previewOf } from './payload-preview.js';

/** How much of messages a caller sees: nothing, what the redactor leaves, or everything. */
export type PayloadAccess = 'hidden' | 'masked' | 'raw';

/** A dead letter in the list: without payload, headers and stack. */
export function viewOfSummary(given: DeadLetterSummary, redactor: Redactor): Record<string, unknown> {
  return shownSummary(redactor.summary(given));
}

function shownSummary(deadLetter: DeadLetterSummary): Record<string, unknown> {
  return {
    id: deadLetter.id,
    status: deadLetter.status,
    topic: deadLetter.topic,
    group: deadLetter.group,
    handler: deadLetter.handler,
    transport: deadLetter.transport,
    messageId: deadLetter.messageId,
    key: deadLetter.key,
    correlationId: deadLetter.correlationId,
    reason: deadLetter.reason,
    error: { type: deadLetter.error.type, message: deadLetter.error.message, code: deadLetter.error.code },
    fingerprint: deadLetter.fingerprint,
    attempts: deadLetter.attempts,
    replayCount: deadLetter.replayCount,
    publishedAt: time(deadLetter.publishedAt),
    firstFailedAt: time(deadLetter.firstFailedAt),
    deadLetteredAt: time(deadLetter.deadLetteredAt),
    updatedAt: time(deadLetter.updatedAt),
    payload: { contentType: deadLetter.contentType, bytes: deadLetter.bodyBytes, hidden: true },
    replayable: deadLetter.status === 'failed' || deadLetter.status === 'archived',
    etag: `W/"${deadLetter.revision}"`,
  };
}

/** What the store holds and may hold, and what keeps it from taking more. */
export function viewOfStorage({ limits, usage, problems }: DeadLetterStorage): Record<string, unknown> {
  const { maxAgeMs, dropPending = false } = limits;
  const { maxCount, maxBytes } = lowerOf(usage ?? {}, limits);
  return {
    count: usage?.count,
    bytes: usage?.bytes,
    maxCount: maxCount === Infinity ? undefined : maxCount,
    maxBytes: maxBytes === Infinity ? undefined : maxBytes,
    maxAgeMs,
    dropPending,
    problems: problems.map(({ code, reason }) => ({ code, reason })),
  };
}

/** A dead letter with headers, attempts and stack, and with its payload as far as the caller may see it. */
export function viewOfDeadLetter(
  given: DeadLetter,
  redactor: Redactor,
  access: PayloadAccess,
): Record<string, unknown> {
  const { headers: ownHeaders } = given;
  const { error, headers, history, ...summary } = access === 'raw' ? given : redactor.deadLetter(given);
  return {
    ...shownSummary({ error, history, ...summary }),
    type: ownHeaders[HEADER.type],
    traceId: TRACEPARENT.test(ownHeaders[HEADER.traceparent] ?? '')
      ? ownHeaders[HEADER.traceparent]?.split('-')[1]
      : undefined,
    error: { type: error.type, message: error.message, code: error.code, stack: error.stack },
    history: history.map(({ attempt, at, errorType }) => ({ attempt, at: time(at), errorType })),
    headers,
    payload: {
      contentType: given.contentType,
      bytes: given.bodyBytes,
      ...payloadOf(given, redactor, access),
    },
  };
}

function payloadOf(deadLetter: DeadLetter, redactor: Redactor, access: PayloadAccess): object {
  if (access === 'hidden') return { hidden: true };
  if (access === 'raw') return previewOf(deadLetter.body);
  const shown = redactor.payload(deadLetter.topic, deadLetter);
  if (shown === 'unchanged') return previewOf(deadLetter.body);
  if ('hiddenBecause' in shown) return { hidden: true, hiddenBecause: shown.hiddenBecause };
  return { ...previewOf(Buffer.from(shown.text)), masked: true };
}

export function viewOfGroup(group: DeadLetterGroup, redactor: Redactor): Record<string, unknown> {
  const { firstAt, lastAt, ...rest } = redactor.group(group);
  return { ...rest, firstAt: time(firstAt), lastAt: time(lastAt) };
}

/** RFC 3339 in UTC; undefined stays undefined and is left out of the JSON. */
function time(ms: number | undefined): string | undefined {
  const isTime = ms !== undefined && Math.abs(ms) <= 8.64e15;
  return isTime ? new Date(ms).toISOString() : undefined;
}
