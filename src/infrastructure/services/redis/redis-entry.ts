import { Link } from '../../../core/messaging/transport-kit/linked-set.js';
import type { WireMessage } from '../../../core/messaging/transport.js';

/** 1 is the stream of the topic, 2 that of the group. */
export type Source = 1 | 2;

/** An entry as the server gives it: its id and its fields, names and values in turn. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

/** What entries that came together have in common. */
export interface Origin {
  readonly source: Source;
  /** Name of the consumer that they were handed to: a later one of the same subscription must not settle them. */
  readonly consumer: string;
}

const NAMES = [Buffer.from('id'), Buffer.from('headers'), Buffer.from('body')];
const NO_HEADERS = '{}';
/** Place of the first field that not every entry has. */
const OPTIONAL = 6;

/** A message in hand: what has to be settled in the end. */
export class InHand {
  readonly link = new Link<InHand>();
  readonly entryId: string;
  readonly message: WireMessage;
  readonly attempt: number;

  /** @param crashes attempts that ended with their process. They are counted apart from the entry, and go with it. */
  constructor(
    readonly origin: Origin,
    id: Buffer,
    fields: readonly Buffer[],
    readonly crashes: number,
  ) {
    this.entryId = id.toString('latin1');
    this.message = readMessage(fields) ?? foreign(this.entryId, fields);
    this.attempt = attemptOf(fields) + crashes;
  }

  /** Unique among all that a consumer can have in hand. */
  get name(): string {
    return `${this.origin.source}:${this.entryId}`;
  }
}

/** The fields stand in the order in which our scripts write them; anything else is somebody else's. */
function readMessage(fields: readonly Buffer[]): WireMessage | undefined {
  const [, id, , headersText, , body] = fields;
  if (!NAMES.every((name, nth) => fields[nth * 2]?.equals(name)) || !id || !headersText || !body)
    return undefined;
  const headers = readHeaders(headersText);
  if (!headers) return undefined;
  const key = optional(fields, 'key');
  const message = { id: id.toString(), headers, body };
  return key === undefined ? message : { ...message, key };
}

function readHeaders(text: Buffer): Record<string, string> | undefined {
  if (text.length === NO_HEADERS.length) return {};
  try {
    const headers: unknown = JSON.parse(text.toString());
    if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined;
    for (const name in headers) {
      if (typeof (headers as Record<string, unknown>)[name] !== 'string') return undefined;
    }
    return headers as Record<string, string>;
  } catch {
    return undefined;
  }
}

function attemptOf(fields: readonly Buffer[]): number {
  const attempt = Number(optional(fields, 'attempt') ?? 1);
  return Number.isSafeInteger(attempt) && attempt > 0 ? attempt : 1;
}

function optional(fields: readonly Buffer[], name: 'key' | 'attempt'): string | undefined {
  for (let index = OPTIONAL; index + 1 < fields.length; index += 2) {
    if (fields[index]?.toString() === name) return fields[index + 1]?.toString();
  }
  return undefined;
}

/** What somebody else wrote, as a message that no handler will take for its own: it ends as a dead letter with all fields. */
function foreign(entryId: string, fields: readonly Buffer[]): WireMessage {
  const texts = fields.map((field) => field.toString());
  const content = Object.fromEntries(
    texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : [])),
  ) as Record<string, string>;
  return { id: `foreign-${entryId}`, headers: {}, body: Buffer.from(JSON.stringify(content)) };
}
