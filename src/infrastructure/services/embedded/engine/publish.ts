import { InvalidMessageError, MessagingError } from '../../../../core/messaging/ports/errors.js';
import type {
  Destination,
  PublishOptions,
  PublishOutcome,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { assertName } from '../../../../core/messaging/ports/names.js';
import { packBlocks, packOne } from '../records/block.js';
import { CommitError } from '../database/disk-errors.js';
import { dueValue } from '../log/due-table.js';
import type { Writes } from '../database/group-commit.js';
import type { LogEngine } from './log-engine.js';

const ACCEPTED: PublishOutcome = { kind: 'accepted' };

interface Request extends PublishOptions {
  readonly to: Destination;
}

interface Prepared {
  readonly work: Writes;
  readonly bytes: number;
}

/** Writes messages and resolves with an outcome for each. Never rejects. */
export async function publishTo(
  open: LogEngine,
  messages: readonly WireMessage[],
  request: Request,
): Promise<readonly PublishOutcome[]> {
  const { to } = request;
  try {
    assertName('topic', to.topic);
    if (to.group !== undefined) assertName('group', to.group);
  } catch (error) {
    return messages.map(() => ({ kind: 'refused', error: error as Error }));
  }
  const refusals = messages.map((message) => refusalOf(message, open.options.maxMessageBytes));
  const taken = messages.filter((_, index) => !refusals[index]);
  if (taken.length === 0) return refusals as PublishOutcome[];
  const outcome = await write(open, taken, request);
  return refusals.map((refusal) => refusal ?? outcome);
}

async function write(
  open: LogEngine,
  messages: readonly WireMessage[],
  request: Request,
): Promise<PublishOutcome> {
  try {
    const startedAt = open.clock.monotonic();
    const prepared = await prepare(open, messages, request);
    const full = open.database.refusesGrowth(prepared.bytes);
    if (full) return { kind: 'unavailable', error: full };
    const leftMs = request.deadlineMs - (open.clock.monotonic() - startedAt);
    return await commitWithin(open, prepared, leftMs);
  } catch (error) {
    return { kind: 'unavailable', error: error as Error };
  }
}

async function prepare(
  open: LogEngine,
  messages: readonly WireMessage[],
  { to, delayMs = 0 }: Request,
): Promise<Prepared> {
  if (to.group === undefined && delayMs <= 0) {
    const log = open.topics.of(to.topic);
    const blocks = packBlocks(messages, open.clock.now());
    return {
      work: log.appending(blocks),
      bytes: blocks.reduce((sum, block) => sum + block.bytes.length, 0),
    };
  }
  return to.group === undefined
    ? delayed(open, messages, { topic: to.topic, delayMs })
    : directed(open, messages, { topic: to.topic, group: to.group, delayMs });
}

function delayed(
  open: LogEngine,
  messages: readonly WireMessage[],
  { topic, delayMs }: { topic: string; delayMs: number },
): Prepared {
  const log = open.topics.of(topic);
  const now = open.clock.now();
  const dueMs = Math.ceil(now + delayMs);
  const entries = entriesOf(open, messages, { ownerId: log.id, dueMs });
  return {
    bytes: sizeOf(entries),
    work: {
      write: () => {
        if (!open.catalog.topics.has(topic)) open.catalog.write(log.record);
        for (const { key, value } of entries) open.due.put(key, value);
      },
      settled: (committed) => {
        if (!committed) return;
        if (!open.catalog.topics.has(topic)) open.catalog.remember(log.record);
        open.alarm.set(log.id, dueMs);
      },
    },
  };
}

async function directed(
  open: LogEngine,
  messages: readonly WireMessage[],
  { topic, group, delayMs }: { topic: string; group: string; delayMs: number },
): Promise<Prepared> {
  const target = await open.ensureGroup(topic, group, false);
  const dueMs = Math.ceil(open.clock.now() + delayMs);
  const entries = entriesOf(open, messages, { ownerId: target.record.id, dueMs });
  return {
    bytes: sizeOf(entries),
    work: {
      write: () => {
        for (const { key, value } of entries) {
          target.dueWriting(key);
          open.due.put(key, value);
        }
      },
      settled: (committed) => {
        for (const { key } of entries) target.dueWritten(key, dueMs, committed);
      },
    },
  };
}

function entriesOf(
  { due, clock }: LogEngine,
  messages: readonly WireMessage[],
  { ownerId, dueMs }: { ownerId: number; dueMs: number },
): { key: Buffer; value: Buffer }[] {
  const now = clock.now();
  return messages.map((message) => ({
    key: due.newKey(ownerId, dueMs),
    value: dueValue(packOne(message, now), 1),
  }));
}

function sizeOf(entries: readonly { value: Buffer }[]): number {
  return entries.reduce((sum, { value }) => sum + value.length, 0);
}

/** Waits for the disk until the deadline. What had not begun by then is taken back, and certainly not there. */
async function commitWithin(
  open: LogEngine,
  { work, bytes }: Prepared,
  deadlineMs: number,
): Promise<PublishOutcome> {
  const submission = open.database.submit(work, bytes);
  return new Promise((resolve) => {
    const cancel = open.clock.schedule(Math.max(deadlineMs, 0), () => {
      const error = tooLate(open.database.directory);
      resolve(submission.withdraw() ? { kind: 'unavailable', error } : { kind: 'unknown', error });
    });
    submission.done.then(
      () => {
        cancel();
        resolve(ACCEPTED);
      },
      (error: unknown) => {
        cancel();
        const isCertain = !(error instanceof CommitError) || error.certain;
        resolve({ kind: isCertain ? 'unavailable' : 'unknown', error: error as Error });
      },
    );
  });
}

function refusalOf({ id, headers, body }: WireMessage, maxMessageBytes: number): PublishOutcome | undefined {
  if (body.length + 1_024 <= maxMessageBytes && Object.keys(headers).length === 0) return undefined;
  let bytes = body.length;
  for (const name in headers) bytes += name.length + (headers[name] ?? '').length;
  if (bytes <= maxMessageBytes) return undefined;
  const error = new InvalidMessageError(
    'MESSAGE_TOO_LARGE',
    `Message ${id} has ${bytes} bytes; the embedded transport takes ${maxMessageBytes}. Raise maxMessageBytes or send a reference to the data.`,
  );
  return { kind: 'refused', error };
}

function tooLate(directory: string): MessagingError {
  return new MessagingError(
    'DEADLINE_EXCEEDED',
    `The disk under ${directory} did not take the messages in time. Check its load, or raise the publish deadline.`,
  );
}
