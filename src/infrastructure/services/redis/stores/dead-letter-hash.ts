import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterSummary,
  NewDeadLetter,
} from '../../../../core/messaging/ports/dead-letter-store.js';

/** Fields with an index: the list of scripts/includes/dead-letters.lua. */
export const INDEXED = [
  'status',
  'topic',
  'group',
  'handler',
  'reason',
  'errorType',
  'fingerprint',
  'messageId',
  'correlationId',
  'key',
] as const;

/** A dead letter as a walk replies it. */
export type RawSummary = readonly [
  summary: string,
  status: string,
  updatedAt: string,
  replayCount: string,
  revision: string,
  id: string,
];

interface Condition {
  readonly field: string;
  readonly value: string;
}

/** Replaces NUL and SOH, which separate the parts of an index. */
export function indexText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').replaceAll('\u0001', '\uFFFD');
}

/** Names and values of the fields of a dead letter, in turn. Fields that change later are not in its summary. */
export function fieldsOf({ body, headers, ...deadLetter }: NewDeadLetter): string[] {
  const { id: _kept, ...summary } = deadLetter;
  const fields: Record<string, string | undefined> = {
    summary: JSON.stringify({ ...summary, bodyBytes: body.length }),
    headers: JSON.stringify(headers),
    topic: deadLetter.topic,
    group: deadLetter.group,
    handler: deadLetter.handler,
    transport: deadLetter.transport,
    reason: deadLetter.reason,
    errorType: deadLetter.error.type,
    fingerprint: deadLetter.fingerprint,
    messageId: deadLetter.messageId,
    correlationId: deadLetter.correlationId,
    key: deadLetter.key,
    attempts: String(deadLetter.attempts),
    at: String(deadLetter.deadLetteredAt),
    format: String(FORMATS.deadLetter),
  };
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [name, name === 'summary' || name === 'headers' ? value : indexText(value)];
  });
}

/** Undefined for one whose fields another client has spoilt, so that it does not hide the others. */
export function readSummary([text, status, updatedAt, replayCount, revision, id]: RawSummary):
  DeadLetterSummary | undefined {
  const summary = parsed(text);
  if (!summary) return undefined;
  return {
    ...(summary as Omit<DeadLetterSummary, 'id' | 'status' | 'updatedAt' | 'replayCount' | 'revision'>),
    id,
    status: status as DeadLetterSummary['status'],
    updatedAt: Number(updatedAt),
    replayCount: Number(replayCount),
    revision: Number(revision),
  };
}

/** @param flat names and values in turn. */
export function readDeadLetter(id: string, flat: readonly Buffer[], body: Buffer): DeadLetter | undefined {
  const texts = flat.map((part) => part.toString());
  const field = (name: string): string => {
    for (let at = 0; at < texts.length; at += 2) if (texts[at] === name) return texts[at + 1] ?? '';
    return '';
  };
  const changing = ['summary', 'status', 'updatedAt', 'replayCount', 'revision'].map(field);
  const summary = readSummary([...changing, id] as unknown as RawSummary);
  const headers = parsed(field('headers')) as Record<string, string> | undefined;
  return summary && headers && { ...summary, headers, body: new Uint8Array(body) };
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Conditions that an index answers, and those that the server compares: field, operator, value. */
export function conditionsOf(filter: DeadLetterFilter): {
  readonly indexed: readonly Condition[];
  readonly others: readonly (readonly (string | number)[])[];
} {
  const indexed = INDEXED.flatMap((field) => {
    const value = filter[field];
    return value === undefined ? [] : [{ field, value }];
  });
  const others: (string | number)[][] = [];
  if (filter.transport !== undefined) others.push(['transport', '=', indexText(filter.transport)]);
  if (filter.minAttempts !== undefined) others.push(['attempts', '>=', filter.minAttempts]);
  if (filter.from !== undefined) others.push(['at', '>=', filter.from]);
  if (filter.to !== undefined) others.push(['at', '<', filter.to]);
  return { indexed, others };
}
