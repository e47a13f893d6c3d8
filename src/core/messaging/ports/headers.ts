/**
 * Every header of ours on the wire: name, type, bounds and the layer that sets it.
 *
 * An application sets none of them; publishing refuses names that begin with {@link OWN_PREFIX}. The core sets those
 * that say `core`. A transport sets those that it needs of the ones that say `transport`, and takes exactly those off
 * again. It hands over all others, because the core reads its own from the message.
 */

export const OWN_PREFIX = 'x-swy-';

interface OwnHeader {
  readonly name: `${typeof OWN_PREFIX}${string}`;
  readonly setBy: 'core' | 'transport' | 'core and transport';
  /** Name that an earlier version wrote. It is still read, and never written. */
  readonly earlierName?: string;
}

export interface TextHeader extends OwnHeader {
  readonly type: 'text';
  /** In characters. */
  readonly maxLength: number;
}

/** A whole number: decimal digits, or a number where the broker has numbers. */
export interface NumberHeader extends OwnHeader {
  readonly type: 'number';
  readonly min: number;
  readonly max: number;
}

const MAX_NAME_LENGTH = 200;
/** Fifteen digits: exact as a number everywhere. */
const MAX_MS = 1e15 - 1;

export const OWN_HEADERS = {
  /** Number of the attempt that the message is on, so that another broker does not begin at one again. */
  attempt: {
    name: 'x-swy-attempt',
    type: 'number',
    min: 1,
    max: 10_000,
    setBy: 'core and transport',
    earlierName: 'x-msg-attempt',
  },
  /** The attempts that have failed, oldest first: `attempt@milliseconds:ErrorType`, separated by commas. */
  history: {
    name: 'x-swy-history',
    type: 'text',
    maxLength: 2_048,
    setBy: 'core',
    earlierName: 'x-msg-history',
  },
  /** Id of the dead letter that the message is a replay of. */
  deadLetterId: {
    name: 'x-swy-dead-letter-id',
    type: 'text',
    maxLength: 200,
    setBy: 'core',
    earlierName: 'x-msg-dl-id',
  },
  /** Where a spooled message is to go, as JSON. Holds a key of any length that a broker carries. */
  spool: { name: 'x-swy-spool', type: 'text', maxLength: 2 ** 20, setBy: 'transport', earlierName: 'spool:' },
  /** Key of the message, where the broker has no place for it. Publishing bounds it. */
  key: { name: 'x-swy-key', type: 'text', maxLength: 512, setBy: 'transport' },
  /** When a message is due that waits, in milliseconds since 1970. */
  dueAt: { name: 'x-swy-due-at', type: 'number', min: 0, max: MAX_MS, setBy: 'transport' },
  /** How long it waits in all. */
  delayMs: { name: 'x-swy-delay-ms', type: 'number', min: 0, max: MAX_MS, setBy: 'transport' },
  /** How much of that is left once the wait is over that the message is in: a distance, because clocks differ. */
  leftMs: { name: 'x-swy-left-ms', type: 'number', min: 0, max: MAX_MS, setBy: 'transport' },
  /** Topic that it goes to then. */
  topic: { name: 'x-swy-topic', type: 'text', maxLength: MAX_NAME_LENGTH, setBy: 'transport' },
  /** The only group that gets it then; absent for all. */
  group: { name: 'x-swy-group', type: 'text', maxLength: MAX_NAME_LENGTH, setBy: 'transport' },
  /** Why the broker took the message out of its group's place. It goes back there, to become a dead letter. */
  removed: { name: 'x-swy-removed', type: 'text', maxLength: 20, setBy: 'transport' },
  /** Number of the format of the message. Believed from everywhere: a message that claims a newer one is only left alone. */
  format: { name: 'x-swy-format', type: 'number', min: 1, max: 1_000, setBy: 'transport' },
  /** When the asker of a request stops waiting, in milliseconds since 1970. */
  deadline: { name: 'x-swy-deadline', type: 'number', min: 0, max: MAX_MS, setBy: 'core' },
  /** On a request: the inboxes of its asker. See `ports/replies.ts`. */
  replyTo: { name: 'x-swy-reply-to', type: 'text', maxLength: 8_192, setBy: 'core' },
  /** On a reply: id of the request. */
  requestId: { name: 'x-swy-request-id', type: 'text', maxLength: 200, setBy: 'core' },
  /** On a reply: `ok`, or `error` for a failure. */
  reply: { name: 'x-swy-reply', type: 'text', maxLength: 5, setBy: 'core' },
  /** On an empty message that no handler gets: where a consumer has put it, to see whether it comes back. */
  probe: { name: 'x-swy-probe', type: 'text', maxLength: 255, setBy: 'transport' },
} as const satisfies Record<string, TextHeader | NumberHeader>;

/** What a broker hands over as headers, before anything is known of their types. */
type RawHeaders = Readonly<Record<string, unknown>>;

/** Text of the header; undefined when it is absent, no text, or too long for one of ours. */
export function ownText(headers: RawHeaders, header: TextHeader): string | undefined {
  const value = rawValue(headers, header);
  return typeof value === 'string' && value.length <= header.maxLength ? value : undefined;
}

/**
 * Number in the header; undefined when it is absent, no number, or out of bounds, and therefore foreign. Rounded up, because
 * an earlier version wrote fractions of milliseconds.
 */
export function ownNumber(headers: RawHeaders, header: NumberHeader): number | undefined {
  const value = rawValue(headers, header);
  const number = typeof value === 'string' && /^\d{1,15}(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !(number >= header.min && number <= header.max)) return undefined;
  return Math.ceil(number);
}

function rawValue(headers: RawHeaders, { name, earlierName }: OwnHeader): unknown {
  const value = headers[name];
  return value === undefined && earlierName !== undefined ? headers[earlierName] : value;
}

/** The headers without this one, under its name and its earlier one. */
export function withoutOwn(
  headers: Readonly<Record<string, string>>,
  ...absent: readonly OwnHeader[]
): Record<string, string> {
  const names = new Set(absent.flatMap(({ name, earlierName }) => [name, earlierName]));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name)));
}

/**
 * Headers that any program may set: a key is no instruction, a format only has a message left alone, and a request asks for
 * nothing but a reply to an inbox, in time.
 */
const OPEN_HEADERS: ReadonlySet<OwnHeader> = new Set([
  OWN_HEADERS.key,
  OWN_HEADERS.format,
  OWN_HEADERS.deadline,
  OWN_HEADERS.replyTo,
]);

/** Headers that only the core and its transports may set. */
const CONTROL_HEADERS: ReadonlySet<string> = new Set(
  Object.values(OWN_HEADERS)
    .filter((header) => !OPEN_HEADERS.has(header))
    .flatMap(({ name, ...header }) => ('earlierName' in header ? [name, header.earlierName] : [name])),
);

/**
 * The headers of a message from an address where foreign programs may write, without those of ours: an attempt of 99, another topic or the id of a dead letter is not believed there.
 *
 * Read nothing of ours before this, and carry on nothing else: a retry would bring the removed ones to the group's own
 * address, where they are believed.
 *
 * @returns the same object when there is nothing to remove; `ignored` is how many were removed.
 */
export function withoutControlHeaders<V>(headers: Readonly<Record<string, V>>): {
  readonly headers: Readonly<Record<string, V>>;
  readonly ignored: number;
} {
  const ignored = Object.keys(headers).filter((name) => CONTROL_HEADERS.has(name));
  if (ignored.length === 0) return { headers, ignored: 0 };
  const believed = Object.entries(headers).filter(([name]) => !CONTROL_HEADERS.has(name));
  return { headers: Object.fromEntries(believed), ignored: ignored.length };
}

/** The larger of the attempt that was counted and the one that the message brings, within its bounds. */
export function largerAttempt(headers: RawHeaders, counted = 1): number {
  const { attempt } = OWN_HEADERS;
  return Math.min(Math.max(counted, ownNumber(headers, attempt) ?? attempt.min), attempt.max);
}
