import { createHash } from 'node:crypto';
import { largerAttempt, OWN_HEADERS, ownNumber, ownText } from '../../../../core/messaging/ports/headers.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import type { IHeaders, KafkaMessage } from '../client/kafkajs-client.js';

/** Of the binding of CloudEvents to Kafka; the core sends the other attributes itself. */
const ID = 'ce_id';
const SPEC_VERSION = 'ce_specversion';
/** Headers that this transport sets, and takes off again. Those of the core and of others go through. */
const { attempt: ATTEMPT, dueAt: DUE_AT, delayMs: DELAY_MS, topic: TOPIC, group: GROUP } = OWN_HEADERS;
const OWN = new Set<string>([
  ID,
  SPEC_VERSION,
  ...[ATTEMPT, DUE_AT, DELAY_MS, TOPIC, GROUP].map(({ name }) => name),
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
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  readonly delayMs: number;
}

export interface DecodedRecord {
  readonly message: WireMessage;
  readonly attempt: number;
  readonly delay: Delay | undefined;
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

export function encode({ id, key, headers, body }: WireMessage, { attempt, delay }: Transit = {}): OutRecord {
  const all: Record<string, string> = { [SPEC_VERSION]: '1.0', [ID]: id };
  for (const name in headers) if (!OWN.has(name)) all[name] = headers[name] ?? '';
  const larger = largerAttempt(headers, attempt);
  if (larger > 1) all[ATTEMPT.name] = String(larger);
  if (delay) encodeDelay(delay, all);
  const value = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return new OutRecord(key ?? null, value, all);
}

function encodeDelay({ dueAt, delayMs, topic, group }: Delay, all: Record<string, string>): void {
  all[DUE_AT.name] = String(Math.ceil(dueAt));
  all[DELAY_MS.name] = String(Math.ceil(delayMs));
  all[TOPIC.name] = topic;
  if (group !== undefined) all[GROUP.name] = group;
}

/** The message as it was published; of a foreign record, its key, value and headers. */
export function decode({
  key,
  value,
  headers: raw = {},
}: Pick<KafkaMessage, 'key' | 'value' | 'headers'>): DecodedRecord {
  const headers: Record<string, string> = {};
  const own: Record<string, string> = {};
  for (const name in raw) {
    const text = textOf(raw[name]);
    if (OWN.has(name)) own[name] = text;
    else headers[name] = text;
  }
  const body = value ?? Buffer.alloc(0);
  const id = own[ID] ?? unnamed(body);
  return {
    message: { id, headers, body, ...(key === null ? {} : { key: key.toString() }) },
    attempt: largerAttempt(own),
    delay: delayOf(own),
  };
}

/** A stranger's message gets the same each time it comes. */
function unnamed(body: Buffer): string {
  return `unnamed-${createHash('sha256').update(body).digest('hex').slice(0, 32)}`;
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
