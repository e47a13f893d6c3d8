import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { FORMATS, newerFormat } from '../../../../core/messaging/ports/formats.js';
import {
  largerAttempt,
  type NumberHeader,
  OWN_HEADERS,
  ownNumber,
  ownText,
  type TextHeader,
  withoutControlHeaders,
} from '../../../../core/messaging/ports/headers.js';
import type { Destination, WireMessage } from '../../../../core/messaging/ports/transport.js';
import type { IHeaders, KafkaMessage } from '../client/kafkajs-client.js';

/** Of the binding of CloudEvents to Kafka; the core sends the other attributes itself. */
const ID = 'ce_id';
const SPEC_VERSION = 'ce_specversion';
/** Headers that this transport sets, and takes off again. Those of the core and of others go through. */
const {
  attempt: ATTEMPT,
  dueAt: DUE_AT,
  delayMs: DELAY_MS,
  topic: TOPIC,
  group: GROUP,
  format: FORMAT,
} = OWN_HEADERS;
const OWN = new Set<string>([
  ID,
  SPEC_VERSION,
  ...[ATTEMPT, DUE_AT, DELAY_MS, TOPIC, GROUP, FORMAT].map(({ name }) => name),
]);

/** What the transport itself has to know about a message on its way. */
export interface Transit {
  readonly attempt?: number;
  /** Of a message that waits. */
  readonly delay?: Delay;
}

/** Where a message goes that waits, and when. */
export interface Delay {
  readonly topic: string;
  readonly group?: string | undefined;
  /** Milliseconds since 1970, by the clock of the process that wrote it. Read where the wait topic has no times of the broker. */
  readonly dueAt: number;
  /** What was left of the delay when it was written. */
  readonly delayMs: number;
}

/** Where a record was read. */
export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
  /** Foreign programs write to the topic of all groups: control headers of ours are ignored there. */
  readonly isPublic: boolean;
}

export interface DecodedRecord {
  readonly message: WireMessage;
  readonly attempt: number;
  readonly delay: Delay | undefined;
  /** Its destination, as far as its headers name it. */
  readonly to: Partial<Destination>;
  /** It came with control headers of ours from a place where they are ignored. */
  readonly hasIgnoredHeaders: boolean;
  /** Its format when it is of a newer version, whose processes handle it: nothing else of it may be relied on. */
  readonly newerFormat: number | undefined;
}

/** What a record takes besides its texts and its body, at most. */
const RECORD_OVERHEAD_BYTES = 100;
/** A letter takes so much, at most. */
const LETTER_BYTES = 3;

/** As the client takes it. */
export class OutRecord {
  partition = 0;
  /** What it takes on the wire, at most. */
  readonly mostBytes: number;

  constructor(
    readonly key: string | null,
    readonly value: Buffer,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    let deadLetters = key?.length ?? 0;
    let bytes = RECORD_OVERHEAD_BYTES + value.length;
    for (const name in headers) {
      deadLetters += name.length + (headers[name]?.length ?? 0);
      bytes += 2 * 5; // lengths of the two
    }
    this.mostBytes = bytes + deadLetters * LETTER_BYTES;
  }
}

/**
 * The record of a message.
 *
 * @throws MessagingError `OPTION_INVALID` when a header of ours would be one that {@link decode} does not read.
 */
export function encode({ id, key, headers, body }: WireMessage, { attempt, delay }: Transit = {}): OutRecord {
  const all: Record<string, string> = { [SPEC_VERSION]: '1.0', [ID]: id };
  for (const name in headers) if (!OWN.has(name)) all[name] = headers[name] ?? '';
  const larger = largerAttempt(headers, attempt);
  if (larger !== 1) all[ATTEMPT.name] = numberText(ATTEMPT, larger);
  if (delay) encodeDelay(delay, all);
  stamp(all, larger !== 1 || delay !== undefined);
  const value = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return new OutRecord(key ?? null, value, all);
}

/** A plain record of format 1 needs no number. */
function stamp(all: Record<string, string>, isControlled: boolean): void {
  if (isControlled || FORMATS.message > 1) all[FORMAT.name] = numberText(FORMAT, FORMATS.message);
}

function encodeDelay({ dueAt, delayMs, topic, group }: Delay, all: Record<string, string>): void {
  all[DUE_AT.name] = numberText(DUE_AT, dueAt);
  all[DELAY_MS.name] = numberText(DELAY_MS, delayMs);
  all[TOPIC.name] = fittingText(TOPIC, topic);
  if (group !== undefined) all[GROUP.name] = fittingText(GROUP, group);
}

/** A whole number: rounded up, so that nothing comes before its time. */
function numberText({ name, min, max }: NumberHeader, value: number): string {
  const whole = Math.ceil(value);
  if (whole >= min && whole <= max) return String(whole);
  throw new MessagingError('OPTION_INVALID', `${name} must be a number from ${min} to ${max}, not ${value}.`);
}

function fittingText({ name, maxLength }: TextHeader, value: string): string {
  if (value.length <= maxLength) return value;
  throw new MessagingError(
    'OPTION_INVALID',
    `${name} must have at most ${maxLength} characters: "${value}".`,
  );
}

/** The message as it was published; of a foreign record, its key, value and headers. */
export function decode(
  record: Pick<KafkaMessage, 'key' | 'value' | 'headers' | 'offset' | 'timestamp'>,
  place: RecordPlace,
): DecodedRecord {
  const { key, value, headers: given = {} } = record;
  const { headers: raw, ignored } = place.isPublic
    ? withoutControlHeaders(given)
    : { headers: given, ignored: 0 };
  const headers: Record<string, string> = {};
  const own: Record<string, string> = {};
  for (const name in raw) {
    const text = textOf(raw[name] ?? null);
    if (OWN.has(name)) own[name] = text;
    else headers[name] = text;
  }
  const body = value ?? Buffer.alloc(0);
  const id = own[ID] || positionId(record, place); // an empty id names nothing either
  return {
    message: { id, headers, body, ...(key === null ? {} : { key: key.toString() }) },
    attempt: largerAttempt(own),
    delay: delayOf(own),
    to: destinationOf(own),
    hasIgnoredHeaders: ignored > 0,
    newerFormat: newerFormat(own[FORMAT.name], FORMATS.message),
  };
}

/**
 * The id of a foreign record that has none: the same each time it is read, and another one for an equal body. Its time is in it, because
 * a recreated topic has the same offsets.
 */
function positionId(
  { offset, timestamp }: Pick<KafkaMessage, 'offset' | 'timestamp'>,
  { topic, partition }: RecordPlace,
): string {
  return `${topic}-${partition}-${offset}-${timestamp}`;
}

function destinationOf(own: Readonly<Record<string, string>>): Partial<Destination> {
  const [topic, group] = [ownText(own, TOPIC), ownText(own, GROUP)];
  return { ...(topic === undefined ? {} : { topic }), ...(group === undefined ? {} : { group }) };
}

function delayOf(own: Readonly<Record<string, string>>): Delay | undefined {
  const [topic, group] = [ownText(own, TOPIC), ownText(own, GROUP)];
  const [dueAt, delayMs] = [ownNumber(own, DUE_AT), ownNumber(own, DELAY_MS)];
  if (topic === undefined || dueAt === undefined || delayMs === undefined) return undefined;
  return { topic, group, dueAt, delayMs };
}

/** Of a repeated header, the last. A foreign header can have no value. */
function textOf(value: IHeaders[string] | null): string {
  const one = Array.isArray(value) ? value.at(-1) : value;
  return one?.toString() ?? '';
}
