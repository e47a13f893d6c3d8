import { Link } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import { HeadersReader } from './headers-json.js';

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

const ID = Buffer.from('id');
const HEADERS = Buffer.from('headers');
const BODY = Buffer.from('body');
/** One for all: what comes in one reply is read without anything in between. */
const headersReader = new HeadersReader();
/** Place of the first field that not every entry has. */
const OPTIONAL = 6;

/** A message in hand: what has to be settled in the end. */
export class InFlightEntry {
  readonly link = new Link<InFlightEntry>();
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
  if (!isNamed(fields[0], ID) || !isNamed(fields[2], HEADERS) || !isNamed(fields[4], BODY)) return undefined;
  if (!id || !headersText || !body) return undefined;
  const headers = headersReader.read(headersText);
  if (!headers) return undefined;
  const key = optional(fields, 'key');
  const message = { id: id.toString(), headers, body };
  return key === undefined ? message : { ...message, key };
}

/** Byte by byte: for texts as short as these, a call into the runtime costs six times as much. */
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

/** What somebody else wrote, as a message that no handler will take for its own: it ends as a dead letter with all fields. */
function foreign(entryId: string, fields: readonly Buffer[]): WireMessage {
  const texts = fields.map((field) => field.toString());
  const content = Object.fromEntries(
    texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : [])),
  ) as Record<string, string>;
  return { id: `foreign-${entryId}`, headers: {}, body: Buffer.from(JSON.stringify(content)) };
}
