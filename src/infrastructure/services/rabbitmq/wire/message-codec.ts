import { randomUUID } from 'node:crypto';
import { FORMATS, newerFormat } from '../../../../core/messaging/ports/formats.js';
import {
  largerAttempt,
  OWN_HEADERS,
  ownNumber,
  ownText,
  withoutControlHeaders,
} from '../../../../core/messaging/ports/headers.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import type { Message, Options } from '../client/amqplib-client.js';
import { flawOf } from './content-header.js';

/** Headers that this transport sets and removes again. All others pass through. */
const {
  attempt: ATTEMPT,
  key: KEY,
  dueAt: DUE_AT,
  delayMs: DELAY_MS,
  leftMs: LEFT_MS,
  topic: TOPIC,
  group: GROUP,
  removed: REMOVED,
  probe: PROBE_IN,
  format: FORMAT,
} = OWN_HEADERS;
const OWN = new Set<string>(
  [ATTEMPT, KEY, DUE_AT, DELAY_MS, LEFT_MS, TOPIC, GROUP, REMOVED, PROBE_IN, FORMAT].map(({ name }) => name),
);

/** Headers with a native AMQP property. A headers table costs the broker up to a sixth of its throughput. */
const FIELDS: ReadonlyMap<string, 'contentType' | 'type' | 'appId' | 'correlationId'> = new Map([
  ['content-type', 'contentType'],
  ['ce_type', 'type'],
  ['ce_source', 'appId'],
  ['ce_correlationid', 'correlationId'],
]);
const TIME = 'ce_time';
/** Header in which a quorum queue counts the returns of a message. */
const DELIVERY_COUNT = 'x-delivery-count';
const MAX_FIELD_BYTES = 255;
/** A text of this many characters fits into a field in any case. */
const SHORT_CHARACTERS = 84;
/**
 * Names that the broker interprets or overwrites, or that no plain object can hold. A header of the application with such a name
 * travels behind a prefix.
 */
const RESERVED =
  /^(?:x-death|x-(?:first|last)-death-.*|x-delivery-count|x-acquired-count|B?CC|__proto__|x-swy-app-.*)$/;
const RESERVED_PREFIX = 'x-swy-app-';
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** State of the transport that travels with a message. */
export interface Transit {
  readonly attempt?: number;
  /** Of a delayed message. */
  readonly delay?: Delay;
  /** Why the broker removed the message from its group's queue, `unreadable`, or {@link MALFORMED}. The group makes a dead letter of it. */
  readonly removed?: string;
  /** Of a message that is held for later groups: until when, in milliseconds since 1970. */
  readonly keptUntil?: number;
  /** Of a {@link PROBE}: the queue that it is published to. */
  readonly probe?: string;
}

/** Destination and time of a delayed message. */
export interface Delay {
  readonly topic: string;
  readonly group?: string | undefined;
  /** Milliseconds since 1970, by the clock of the process that wrote it. */
  readonly dueAt: number;
  readonly delayMs: number;
  /** What is left after the wait that the message is in. Absent in messages of earlier versions. */
  readonly leftMs?: number;
}

export interface DecodedMessage extends Transit {
  readonly message: WireMessage;
  /** As published, without the redeliveries that the broker has counted since. */
  readonly attempt: number;
  readonly crashes: number;
  /** Headers of ours that were not believed. */
  readonly ignored: number;
  /** What is wrong with the headers. Those that can be read are there. */
  readonly flaw?: string;
  /** Its format when it is of a newer version, whose processes handle it: nothing else of it may be relied on. */
  readonly newerFormat?: number;
}

/** Where a message was found, which decides what of it is believed. */
export interface FoundAt {
  /** It came through an exchange that foreign programs may publish to. */
  readonly isPublic: boolean;
  /** Only then the count of deliveries is the broker's own. */
  readonly isRedelivered?: boolean;
}

const UNREAD: DecodedMessage = {
  message: { id: '', headers: {}, body: Buffer.alloc(0) },
  attempt: 1,
  crashes: 0,
  ignored: 0,
};

const OURS: FoundAt = { isPublic: false };

/** What {@link Transit.removed} says of a message whose headers cannot all be read. */
export const MALFORMED = 'malformed_headers';

type Table = Record<string, unknown>;
type Mutable = Options.Publish & Record<string, unknown>;

/** Options of the client: native AMQP properties where there are some, the rest as a headers table. */
export function encode({ id, key, headers }: WireMessage, transit: Transit = NO_TRANSIT): Options.Publish {
  const properties: Mutable = { mandatory: true, deliveryMode: 2, messageId: id };
  const attempt = largerAttempt(headers, transit.attempt);
  const table = withOwn(encodeHeaders(id, headers, properties), key, attempt, transit);
  if (table) properties.headers = table;
  return properties;
}

function withOwn(
  given: Table | undefined,
  key: string | undefined,
  attempt: number,
  transit: Transit,
): Table | undefined {
  let table = given;
  if (key !== undefined) (table ??= {})[KEY.name] = key;
  if (attempt > 1) (table ??= {})[ATTEMPT.name] = attempt;
  if (transit !== NO_TRANSIT && isOnWire(transit)) encodeTransit(transit, (table ??= {}));
  if (isControlled(attempt, transit)) (table ??= {})[FORMAT.name] = FORMATS.message;
  return table;
}

const NO_TRANSIT: Transit = {};

function isOnWire({ delay, removed, keptUntil, probe }: Transit): boolean {
  return [delay, removed, keptUntil, probe].some((part) => part !== undefined);
}

/** A plain message of format 1 needs no number. */
function isControlled(attempt: number, transit: Transit): boolean {
  return FORMATS.message > 1 || attempt > 1 || (transit !== NO_TRANSIT && isOnWire(transit));
}

function encodeTransit({ delay, removed, keptUntil, probe }: Transit, table: Table): void {
  if (keptUntil !== undefined) table[DUE_AT.name] = Math.ceil(keptUntil);
  if (removed !== undefined) table[REMOVED.name] = removed;
  if (probe !== undefined) table[PROBE_IN.name] = probe;
  if (delay) encodeDelay(delay, table);
}

function encodeDelay({ dueAt, delayMs, leftMs, topic, group }: Delay, table: Table): void {
  table[DUE_AT.name] = Math.ceil(dueAt);
  table[DELAY_MS.name] = Math.ceil(delayMs);
  if (leftMs !== undefined) table[LEFT_MS.name] = Math.ceil(leftMs);
  table[TOPIC.name] = topic;
  if (group !== undefined) table[GROUP.name] = group;
}

/** Fills the properties and returns the headers that have none. */
function encodeHeaders(id: string, headers: WireMessage['headers'], properties: Mutable): Table | undefined {
  let table: Table | undefined;
  for (const name in headers) {
    const value = headers[name] ?? '';
    const field = FIELDS.get(name);
    const seconds = name === TIME ? secondsOf(value) : undefined;
    if (field !== undefined && isShort(value)) properties[field] = value;
    else if (seconds !== undefined && value === timeOf(id, seconds)) properties.timestamp = seconds;
    else if (!OWN.has(name)) (table ??= {})[nameOnWire(name)] = value;
  }
  return table;
}

function nameOnWire(name: string): string {
  return RESERVED.test(name) ? RESERVED_PREFIX + name : name;
}

/**
 * The message as it was published; of a foreign client, every property that has a counterpart. Never throws, because it runs in
 * callbacks of the client, where an error would end the connection and the message would come again.
 */
export function decode(
  raw: Pick<Message, 'properties' | 'content'>,
  foundAt: FoundAt = OURS,
): DecodedMessage {
  const newer = newerFormat(raw.properties.headers?.[FORMAT.name], FORMATS.message);
  if (newer !== undefined) return { ...UNREAD, newerFormat: newer };
  const flaw = flawOf(raw.properties.headers);
  try {
    const decoded = decodeAll(raw, foundAt);
    return flaw === undefined ? decoded : { removed: MALFORMED, ...decoded, flaw };
  } catch (error) {
    const message = { id: idOf(raw.properties.messageId), headers: {}, body: raw.content };
    return { message, attempt: 1, crashes: 0, ignored: 0, removed: MALFORMED, flaw: flaw ?? String(error) };
  }
}

function decodeAll(
  { properties, content }: Pick<Message, 'properties' | 'content'>,
  { isPublic, isRedelivered = false }: FoundAt,
): DecodedMessage {
  const given: Table = properties.headers ?? {};
  const { headers: table, ignored } = isPublic
    ? withoutControlHeaders(given)
    : { headers: given, ignored: 0 };
  const id = idOf(properties.messageId);
  const headers = decodeHeaders(id, properties, table, isPublic);
  const key = table[KEY.name];
  return {
    message: { id, headers, body: content, ...(typeof key === 'string' ? { key } : {}) },
    attempt: largerAttempt(table),
    crashes: isRedelivered ? countOf(table[DELIVERY_COUNT], 0) : 0,
    ignored,
    ...transitOf(table),
  };
}

/** Delay, reason of a removal and end of a hold, those that there are. */
function transitOf(table: Table): Pick<Transit, 'delay' | 'removed' | 'keptUntil'> {
  const delay = delayOf(table);
  const removed = ownText(table, REMOVED);
  const keptUntil = ownText(table, TOPIC) === undefined ? ownNumber(table, DUE_AT) : undefined;
  return {
    ...(removed === undefined ? {} : { removed }),
    ...(keptUntil === undefined ? {} : { keptUntil }),
    ...(delay === undefined ? {} : { delay }),
  };
}

function decodeHeaders(
  id: string,
  properties: Message['properties'],
  table: Table,
  isPublic: boolean,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, field] of FIELDS) {
    const value: unknown = properties[field];
    if (typeof value === 'string') headers[name] = value;
  }
  const time = timeOf(id, properties.timestamp);
  if (time !== undefined) headers[TIME] = time;
  for (const name in table)
    if (isReserved(name)) setHeader(headers, name.slice(RESERVED_PREFIX.length), table[name]);
    else if (!isInternal(name, isPublic)) headers[name] = textOf(table[name]);
  return headers;
}

/** A foreign message without an id gets a random one, which its retries and its dead letter carry on. */
function idOf(given: unknown): string {
  if (typeof given !== 'string' || given === '') return `unnamed-${randomUUID()}`;
  return isShort(given) ? given : given.slice(0, SHORT_CHARACTERS); // each byte that is no UTF-8 has become three
}

/** Behind the prefix stand only the names that {@link encode} puts there: a foreign `x-swy-app-x-swy-attempt` sets no attempt. */
function isReserved(name: string): boolean {
  return name.startsWith(RESERVED_PREFIX) && RESERVED.test(name.slice(RESERVED_PREFIX.length));
}

/** Defines the property, because an assignment to `__proto__` would set none. */
function setHeader(headers: Record<string, string>, name: string, value: unknown): void {
  const descriptor = { value: textOf(value), enumerable: true, configurable: true, writable: true };
  Object.defineProperty(headers, name, descriptor);
}

/** Only its arrival counts. See {@link DeliveryProbe} and {@link DelayQueueProbe}. */
export const PROBE: WireMessage = { id: 'probe', headers: {}, body: Buffer.alloc(0) };

/** Queue that a probe was published to; undefined for every other message. */
export function probedIn({
  properties,
  content,
}: Pick<Message, 'properties' | 'content'>): string | undefined {
  return content.length === 0 ? ownText(properties.headers ?? {}, PROBE_IN) : undefined;
}

/** The last removal of a message by the broker. */
export interface Removal {
  readonly queue: string;
  /** `expired`, `maxlen`, `delivery_limit` or `rejected`. */
  readonly reason: string;
}

/** The queue that the broker removed the message from last, and why; undefined for a message that was published. */
export function removalOf({ properties }: Pick<Message, 'properties'>): Removal | undefined {
  const death: unknown = properties.headers?.['x-death']?.[0];
  if (typeof death !== 'object' || death === null || !('reason' in death) || !('queue' in death))
    return undefined;
  const { reason, queue } = death;
  return typeof reason === 'string' && typeof queue === 'string' ? { reason, queue } : undefined;
}

function delayOf(table: Table): Delay | undefined {
  const [topic, group] = [ownText(table, TOPIC), ownText(table, GROUP)];
  const [dueAt, delayMs] = [ownNumber(table, DUE_AT), ownNumber(table, DELAY_MS)];
  if (topic === undefined || dueAt === undefined || delayMs === undefined) return undefined;
  const leftMs = ownNumber(table, LEFT_MS);
  return {
    topic,
    dueAt,
    delayMs,
    ...(leftMs === undefined ? {} : { leftMs }),
    ...(group === undefined ? {} : { group }),
  };
}

let cachedMs = -1;
let cachedTime = '';
/** What it was made of: digits of the time in an id, empty for an id without one, and a timestamp. */
let cachedDigits = '';
let cachedSeconds = -1;

/** The AMQP timestamp has whole seconds; a UUIDv7 id of the same second adds the milliseconds. */
function timeOf(id: string, seconds: unknown): string | undefined {
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds < 2 ** 36)) return undefined;
  const digits = UUID_V7.test(id) ? id.slice(0, 13) : '';
  if (digits === cachedDigits && seconds === cachedSeconds) return cachedTime;
  cachedDigits = digits;
  cachedSeconds = seconds;
  const ofId = Number.parseInt(digits.replace('-', ''), 16);
  const ms = Math.floor(ofId / 1_000) === seconds ? ofId : seconds * 1_000;
  if (ms !== cachedMs) {
    cachedMs = ms;
    cachedTime = new Date(ms).toISOString();
  }
  return cachedTime;
}

function secondsOf(time: string): number | undefined {
  if (time === cachedTime) return Math.floor(cachedMs / 1_000);
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1_000);
}

function isShort(value: string): boolean {
  return value.length <= SHORT_CHARACTERS || Buffer.byteLength(value) <= MAX_FIELD_BYTES;
}

/** Not the application's. Foreign messages keep what another part of the broker has noted on them. */
function isInternal(name: string, isPublic: boolean): boolean {
  if (OWN.has(name) || name === DELIVERY_COUNT || name === 'x-acquired-count') return true;
  return !isPublic && /^x-(?:death$|(?:first|last)-death-)/.test(name);
}

function countOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : otherwise;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  return value === undefined ? '' : JSON.stringify(value);
}
