import { createHash } from 'node:crypto';
import { largerAttempt, OWN_HEADERS, ownNumber, ownText } from '../../../../core/messaging/ports/headers.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import type { Message, Options } from '../client/amqplib-client.js';

/** Headers that this transport sets and removes again. All others pass through. */
const {
  attempt: ATTEMPT,
  key: KEY,
  dueAt: DUE_AT,
  delayMs: DELAY_MS,
  topic: TOPIC,
  group: GROUP,
  probe: PROBE_IN,
} = OWN_HEADERS;
const OWN = new Set<string>([ATTEMPT, KEY, DUE_AT, DELAY_MS, TOPIC, GROUP, PROBE_IN].map(({ name }) => name));

/** Headers with a native AMQP property. A headers table costs the broker up to a sixth of its throughput. */
const FIELDS = {
  'content-type': 'contentType',
  ce_type: 'type',
  ce_source: 'appId',
  ce_correlationid: 'correlationId',
} as const;
const TIME = 'ce_time';
const MAX_FIELD_BYTES = 255;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** State of the transport that travels with a message. */
export interface Transit {
  readonly attempt?: number;
  /** Of a delayed message. */
  readonly delay?: Delay;
  /** Of a {@link PROBE}: the queue that it is published to. */
  readonly probe?: string;
}

/** Destination and time of a delayed message. */
export interface Delay {
  readonly topic: string;
  readonly group?: string | undefined;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  readonly delayMs: number;
}

export interface DecodedMessage extends Transit {
  readonly message: WireMessage;
  /** As published, without the redeliveries that the broker has counted since. */
  readonly attempt: number;
  readonly crashes: number;
}

type Table = Record<string, unknown>;
type Mutable = Options.Publish & Record<string, unknown>;

/** Options of the client: native AMQP properties where there are some, the rest as a headers table. */
export function encode({ id, key, headers }: WireMessage, transit: Transit = {}): Options.Publish {
  const properties: Mutable = { mandatory: true, deliveryMode: 2, messageId: id };
  let table = encodeHeaders(id, headers, properties);
  const attempt = largerAttempt(headers, transit.attempt);
  if (key !== undefined) (table ??= {})[KEY.name] = key;
  if (attempt > 1) (table ??= {})[ATTEMPT.name] = attempt;
  if (transit.delay !== undefined || transit.probe !== undefined) encodeTransit(transit, (table ??= {}));
  if (table) properties.headers = table;
  return properties;
}

function encodeTransit({ delay, probe }: Transit, table: Table): void {
  if (probe !== undefined) table[PROBE_IN.name] = probe;
  if (delay) encodeDelay(delay, table);
}

function encodeDelay({ dueAt, delayMs, topic, group }: Delay, table: Table): void {
  table[DUE_AT.name] = Math.ceil(dueAt);
  table[DELAY_MS.name] = Math.ceil(delayMs);
  table[TOPIC.name] = topic;
  if (group !== undefined) table[GROUP.name] = group;
}

/** Fills the properties and returns the headers that have none. */
function encodeHeaders(id: string, headers: WireMessage['headers'], properties: Mutable): Table | undefined {
  let table: Table | undefined;
  for (const name in headers) {
    const value = headers[name] ?? '';
    const field = (FIELDS as Record<string, string | undefined>)[name];
    const seconds = name === TIME ? secondsOf(value) : undefined;
    if (field !== undefined && isShort(value)) properties[field] = value;
    else if (seconds !== undefined && value === timeOf(id, seconds)) properties.timestamp = seconds;
    else if (!OWN.has(name)) (table ??= {})[name] = value;
  }
  return table;
}

/** The message as it was published; of a foreign client, every property that has a counterpart. */
export function decode({ properties, content }: Pick<Message, 'properties' | 'content'>): DecodedMessage {
  const table: Table = properties.headers ?? {};
  const id = idOf(properties.messageId, content);
  const headers = decodeHeaders(id, properties, table);
  const key = table[KEY.name];
  const delay = delayOf(table);
  return {
    message: { id, headers, body: content, ...(typeof key === 'string' ? { key } : {}) },
    attempt: largerAttempt(table),
    crashes: countOf(table['x-delivery-count'], 0),
    ...(delay === undefined ? {} : { delay }),
  };
}

function decodeHeaders(id: string, properties: Message['properties'], table: Table): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value: unknown = properties[field];
    if (typeof value === 'string') headers[name] = value;
  }
  const time = timeOf(id, properties.timestamp);
  if (time !== undefined) headers[TIME] = time;
  for (const name in table) if (!isInternal(name)) headers[name] = textOf(table[name]);
  return headers;
}

/** One that has none gets the same each time it comes. */
function idOf(given: unknown, content: Buffer): string {
  if (typeof given === 'string' && given !== '') return given;
  return `unnamed-${createHash('sha256').update(content).digest('hex').slice(0, 32)}`;
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

/** Queue from which the broker removed a message at its delivery limit. */
export function givenUpBy(message: Pick<Message, 'properties'>): string | undefined {
  return leftBecauseOf('delivery_limit', message);
}

/** Queue in which it has expired last. */
export function expiredIn(message: Pick<Message, 'properties'>): string | undefined {
  return leftBecauseOf('expired', message);
}

function leftBecauseOf(reason: string, { properties }: Pick<Message, 'properties'>): string | undefined {
  const death: unknown = properties.headers?.['x-death']?.[0];
  if (typeof death !== 'object' || death === null || !('reason' in death) || !('queue' in death))
    return undefined;
  return death.reason === reason && typeof death.queue === 'string' ? death.queue : undefined;
}

function delayOf(table: Table): Delay | undefined {
  const [topic, group] = [ownText(table, TOPIC), ownText(table, GROUP)];
  const [dueAt, delayMs] = [ownNumber(table, DUE_AT), ownNumber(table, DELAY_MS)];
  if (topic === undefined || dueAt === undefined || delayMs === undefined) return undefined;
  return { topic, dueAt, delayMs, ...(group === undefined ? {} : { group }) };
}

let cachedMs = -1;
let cachedTime = '';

/** The AMQP timestamp has whole seconds; a UUIDv7 id of the same second adds the milliseconds. */
function timeOf(id: string, seconds: unknown): string | undefined {
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds < 2 ** 36)) return undefined;
  let ms = seconds * 1_000;
  if (UUID_V7.test(id)) {
    const ofId = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    if (Math.floor(ofId / 1_000) === seconds) ms = ofId;
  }
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
  return value.length <= 84 || Buffer.byteLength(value) <= MAX_FIELD_BYTES;
}

function isInternal(name: string): boolean {
  return (
    OWN.has(name) ||
    name === 'x-death' ||
    name === 'x-delivery-count' ||
    name === 'x-acquired-count' ||
    name.startsWith('x-first-death-') ||
    name.startsWith('x-last-death-')
  );
}

function countOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : otherwise;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  return value === undefined ? '' : JSON.stringify(value);
}
