import { Link } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import { HeadersReader } from './headers-json.js';

/** 1 is the stream of the topic, 2 that of the group. */
export type Source = 1 | 2;

/** An entry in a reply: its id, then names and values of its fields in turn. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

/** Where the entries of one reply come from. */
export interface Origin {
  readonly source: Source;
  /** Name of the consumer that they were delivered to: a later one of the same subscription must not settle them. */
  readonly consumer: string;
}

const ID = Buffer.from('id');
const HEADERS = Buffer.from('headers');
const BODY = Buffer.from('body');
/** Shared, because the entries of one reply mostly have equal headers. */
const headersReader = new HeadersReader();
/** Index of the first optional field. */
const OPTIONAL = 6;

/** A message in flight, with what its settlement needs. */
export class InFlightEntry {
  readonly link = new Link<InFlightEntry>();
  readonly entryId: string;
  readonly message: WireMessage;
  readonly attempt: number;

  /** @param crashes attempts that ended with their process; they are counted beside the entry. */
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

  /** Unique among the entries that a consumer can have in flight. */
  get name(): string {
    return `${this.origin.source}:${this.entryId}`;
  }
}

/** The fields stand in the order in which the scripts write them; any other entry is foreign. */
function readMessage(fields: readonly Buffer[]): WireMessage | undefined {
  const [, id, , headersText, , body] = fields;
  if (!isNamed(fields[0], ID) || !isNamed(fields[2], HEADERS) || !isNamed(fields[4], BODY)) return undefined;
  if (!id || !headersText || !body) return undefined;
  const headers = headersReader.read(headersText);
  if (!headers) return undefined;
  const key = optional(fields, 'key');
  const message = { id: id.toString(), headers, body };
  return key === undefined ? message : { ...message, key };
}

/** Byte by byte, because for such short names a native call costs six times as much. */
function isNamed(field: Buffer | undefined, name: Buffer): boolean {
  if (field?.length !== name.length) return false;
  for (let at = 0; at < name.length; at += 1) if (field[at] !== name[at]) return false;
  return true;
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

/** A foreign entry, as a message without headers whose body holds all fields. */
function foreign(entryId: string, fields: readonly Buffer[]): WireMessage {
  const texts = fields.map((field) => field.toString());
  const content = Object.fromEntries(
    texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : [])),
  ) as Record<string, string>;
  return { id: `foreign-${entryId}`, headers: {}, body: Buffer.from(JSON.stringify(content)) };
}
