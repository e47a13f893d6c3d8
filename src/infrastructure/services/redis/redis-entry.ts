import { Link } from '../../../core/messaging/transport-kit/linked-set.js';
import type { WireMessage } from '../../../core/messaging/transport.js';

/** 1 is the stream of the topic, 2 that of the group. */
export type Source = 1 | 2;

/** An entry as the server gives it: its id and its fields, names and values in turn. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

const ID = Buffer.from('id');
const HEADERS = Buffer.from('headers');
const BODY = Buffer.from('body');
const NO_HEADERS = '{}';

/** A message in hand: what has to be settled in the end. */
export class InHand {
  readonly link = new Link<InHand>();

  constructor(
    readonly source: Source,
    readonly entryId: string,
    readonly message: WireMessage,
    readonly attempt: number,
    /** Crashes were counted for it, and the count has to go with it. */
    readonly hasCrashed: boolean,
    /** Name of the consumer that it was handed to: a later one of the same subscription must not settle it. */
    readonly consumer: string,
  ) {}
}

/** Reads an entry. Undefined when it was deleted meanwhile. */
export function readEntry(
  source: Source,
  [id, fields]: RawEntry,
  consumer: string,
  crashes: number,
): InHand | undefined {
  if (!fields) return undefined;
  const entryId = id.toString('latin1');
  const message = readMessage(fields) ?? foreign(entryId, fields);
  return new InHand(source, entryId, message, attemptOf(fields) + crashes, crashes > 0, consumer);
}

/** The fields stand in the order in which our scripts write them; anything else is somebody else's. */
function readMessage(fields: readonly Buffer[]): WireMessage | undefined {
  const [idName, id, headersName, headersText, bodyName, body] = fields;
  if (!idName?.equals(ID) || !headersName?.equals(HEADERS) || !bodyName?.equals(BODY)) return undefined;
  const headers = readHeaders(headersText!);
  if (!headers) return undefined;
  const key = fields[6]?.toString() === 'key' ? fields[7]!.toString() : undefined;
  return key === undefined
    ? { id: id!.toString(), headers, body: body! }
    : { id: id!.toString(), key, headers, body: body! };
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
  for (let index = 6; index < fields.length; index += 2) {
    if (fields[index]!.toString() === 'attempt')
      return Math.max(1, Number(fields[index + 1]!.toString()) || 1);
  }
  return 1;
}

/** What somebody else wrote, as a message that no handler will take for its own: it ends as a dead letter with all fields. */
function foreign(entryId: string, fields: readonly Buffer[]): WireMessage {
  const content: [string, string][] = [];
  for (let index = 0; index + 1 < fields.length; index += 2)
    content.push([fields[index]!.toString(), fields[index + 1]!.toString()]);
  return {
    id: `foreign-${entryId}`,
    headers: {},
    body: Buffer.from(JSON.stringify(Object.fromEntries(content))),
  };
}
