import { isUtf8 } from 'node:buffer';
import { FORMATS, newerFormat } from '../../../../core/messaging/ports/formats.js';
import { OWN_HEADERS } from '../../../../core/messaging/ports/headers.js';
import { Link } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { Unacceptable, WireMessage } from '../../../../core/messaging/ports/transport.js';
import { HeadersReader } from './headers-json.js';

/** 1 is the stream of the topic, 2 that of the group. */
export type Source = 1 | 2;

/** An entry in a reply: its id, then names and values of its fields in turn. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

/** Where the entries of one reply come from. */
export interface Origin {
  readonly source: Source;
  /** Key of the stream. */
  readonly stream: string;
  /** Name of the consumer that they were delivered to: a later one of the same subscription must not settle them. */
  readonly consumer: string;
}

const ID = Buffer.from('id');
const HEADERS = Buffer.from('headers');
const BODY = Buffer.from('body');
const KEY = Buffer.from('key');
const FORMAT = Buffer.from(OWN_HEADERS.format.name);
/** The script that moves due messages writes what it cannot read under this name. */
const UNREADABLE = Buffer.from('unreadable');
/** Shared, because the entries of one reply mostly have equal headers. */
const READERS: Readonly<Record<Source, HeadersReader>> = {
  // Other programs may write to the stream of a topic.
  1: new HeadersReader({ isPublic: true }),
  2: new HeadersReader({ isPublic: false }),
};
/** Index of the first optional field. */
const OPTIONAL = 6;
/** Names and values. Entries of this transport have at most ten; more cost time that other messages need. */
const MAX_FIELDS = 2_000;
/** A foreign entry is copied and scanned several times on its way into JSON and out of it. */
const MAX_JSON_BYTES = 2 ** 20;
/** Far above what publishing permits. */
const MAX_HEADERS_BYTES = 256 * 2 ** 10;
const MAX_NAME_BYTES = 64 * 2 ** 10;

/** An entry as a message. */
interface Read {
  readonly message: WireMessage;
  readonly attempt: number;
  readonly unacceptable?: Unacceptable;
  /** Control headers or an attempt of a public entry were left out. */
  readonly hasIgnored: boolean;
}

/** A message in flight, with what its settlement needs. */
export class InFlightEntry {
  readonly link = new Link<InFlightEntry>();
  readonly entryId: string;
  readonly message: WireMessage;
  readonly attempt: number;
  readonly unacceptable: Unacceptable | undefined;
  readonly hasIgnoredHeaders: boolean;
  /** Number of a format of a newer version, whose processes handle it; nothing else of it is read. */
  readonly newerFormat: number | undefined;
  /** The bytes under which the scripts lock the key of the entry. */
  readonly lockKey: Buffer | undefined;

  /** @param crashes attempts that ended with their process; they are counted beside the entry. */
  constructor(
    readonly origin: Origin,
    id: Buffer,
    fields: readonly Buffer[],
    readonly crashes: number,
  ) {
    this.entryId = id.toString('latin1');
    this.newerFormat = newerFormat(lastField(fields, FORMAT)?.toString(), FORMATS.message);
    const read = this.newerFormat === undefined ? readEntry(origin, this.entryId, fields) : UNREAD;
    this.message = read.message;
    this.attempt = Math.min(read.attempt + crashesOf(crashes), MAX_ATTEMPT);
    this.unacceptable = read.unacceptable;
    this.hasIgnoredHeaders = read.hasIgnored;
    this.lockKey = lastField(fields, KEY);
  }

  /** Unique among the entries that a consumer can have in flight. */
  get name(): string {
    return `${this.origin.source}:${this.entryId}`;
  }
}

const UNREAD: Read = {
  message: { id: '', headers: {}, body: Buffer.alloc(0) },
  attempt: 1,
  hasIgnored: false,
};

function readEntry(origin: Origin, entryId: string, fields: readonly Buffer[]): Read {
  const read = readOurs(origin, fields);
  if (!read) return foreignOrUnreadable(origin, entryId, fields);
  if (read.message.id !== '') return read;
  return { ...read, message: { ...read.message, id: identityOf(origin, entryId) } };
}

/** The fields stand in the order in which the scripts write them; any other entry is foreign. */
function readOurs({ source }: Origin, fields: readonly Buffer[]): Read | undefined {
  const [, id, , headersText, , body] = fields;
  if (!isNamed(fields[0], ID) || !isNamed(fields[2], HEADERS) || !isNamed(fields[4], BODY)) return undefined;
  if (!id || !headersText || !body) return undefined;
  if (isTooLarge(fields, id, headersText)) return undefined;
  const headers = READERS[source].read(headersText);
  return headers && withOptional(source, fields, { id: id.toString(), ...headers, body });
}

function isTooLarge({ length }: readonly Buffer[], id: Buffer, headersText: Buffer): boolean {
  return length > MAX_FIELDS || id.length > MAX_NAME_BYTES || headersText.length > MAX_HEADERS_BYTES;
}

function withOptional(
  source: Source,
  fields: readonly Buffer[],
  { hasIgnored, ...plain }: WireMessage & { readonly hasIgnored: boolean },
): Read {
  const key = optional(fields, 'key');
  const attempt = optional(fields, 'attempt');
  const message = key === undefined ? plain : { ...plain, key };
  if (source === 2) return { message, attempt: numberOf(attempt), hasIgnored: false };
  return { message, attempt: 1, hasIgnored: hasIgnored || attempt !== undefined };
}

/** Byte by byte, because for such short names a native call costs six times as much. */
function isNamed(field: Buffer | undefined, name: Buffer): boolean {
  if (field?.length !== name.length) return false;
  for (let at = 0; at < name.length; at += 1) if (field[at] !== name[at]) return false;
  return true;
}

/** At most what the core takes for an attempt. */
const MAX_ATTEMPT = 10_000;

function numberOf(attempt = '1'): number {
  const number = Number(attempt);
  return Number.isSafeInteger(number) && number > 0 ? Math.min(number, MAX_ATTEMPT) : 1;
}

/** None where another client has written something else there. */
function crashesOf(crashes: number): number {
  return crashes > 0 && crashes <= MAX_ATTEMPT ? crashes : 0;
}

function optional(fields: readonly Buffer[], name: 'key' | 'attempt'): string | undefined {
  for (let index = OPTIONAL; index + 1 < fields.length; index += 2) {
    if (fields[index]?.toString() === name) return fields[index + 1]?.toString();
  }
  return undefined;
}

/** As the scripts find a key: in the last field of that name. */
function lastField(fields: readonly Buffer[], name: Buffer): Buffer | undefined {
  for (let index = fields.length - 2; index >= 0; index -= 2)
    if (isNamed(fields[index], name)) return fields[index + 1];
  return undefined;
}

/** Unique on this server, and the same for each delivery of the entry. */
function identityOf({ stream }: Origin, entryId: string): string {
  return `${stream}/${entryId}`;
}

/**
 * A foreign entry of a topic, as a message without headers whose body holds all fields. In the stream of a group, where only
 * this transport writes, such an entry is unacceptable, and so is one that is too large to be taken for a message.
 */
function foreignOrUnreadable(origin: Origin, entryId: string, fields: readonly Buffer[]): Read {
  const identity = identityOf(origin, entryId);
  const excess = excessOf(fields);
  const raw = excess ? rawOf(fields) : unreadableIn(origin, fields);
  const message = { id: identity, headers: {}, body: raw ?? fieldsAsJson(fields) };
  if (raw === undefined && origin.source === 1) return { message, attempt: 1, hasIgnored: false };
  const unacceptable = {
    reason: 'deserialization_failed',
    detail: `Entry ${entryId} of ${origin.stream} is not a message of this transport${excess}.`,
  } as const;
  return { message, attempt: 1, unacceptable, hasIgnored: false };
}

function unreadableIn({ source }: Origin, fields: readonly Buffer[]): Buffer | undefined {
  return lastField(fields, UNREADABLE) ?? (source === 2 ? lastField(fields, BODY) : undefined);
}

/** What an entry has too much of, as the end of a sentence. Empty for most. */
function excessOf(fields: readonly Buffer[]): string {
  if (fields.length > MAX_FIELDS) return `: it has ${fields.length >> 1} fields`;
  let bytes = 0;
  for (const field of fields) bytes += field.length;
  return bytes > MAX_JSON_BYTES ? `: it has ${bytes} bytes` : '';
}

/** The bytes of an entry without further copies: those of its one large field, else of all names and values in turn. */
function rawOf(fields: readonly Buffer[]): Buffer {
  return lastField(fields, UNREADABLE) ?? lastField(fields, BODY) ?? Buffer.concat(fields);
}

/** Names and values as texts, or all in base64 where one of them is not UTF-8. */
function fieldsAsJson(fields: readonly Buffer[]): Buffer {
  const isText = fields.every((field) => isUtf8(field));
  const texts = fields.map((field) => field.toString(isText ? 'utf8' : 'base64'));
  const content = texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : []));
  return Buffer.from(JSON.stringify(Object.fromEntries(content)));
}
