/**
 * Turns one bit in a copy of a directory of the embedded transport and reports what the transport makes of it, round by
 * round, as lines of JSON. A process of its own, because lmdb may end it.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Delivery, TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { salvageDirectory } from '../../src/infrastructure/services/embedded/maintenance/salvage-directory.js';
import { machineNow } from '../support/machine-time.js';

export const TOPIC = 'orders.placed';
export const GROUP = 'billing';

export interface Flip {
  readonly file: string;
  readonly byte: number;
  readonly mask: number;
}

export interface FlipsTask {
  /** Holds the directory `whole`. */
  readonly folder: string;
  readonly flips: readonly Flip[];
  readonly expected: number;
}

/** What became of one flip. */
export interface FlipResult {
  readonly flip: Flip;
  /** Ids of messages that were handled with the bytes that they were published with. */
  readonly handled: readonly string[];
  /** Ids that were handled with other bytes. */
  readonly altered: readonly string[];
  readonly corrupt: number;
  readonly problems: number;
  /** Messages that were reported as lost or unreadable. */
  readonly stated: number;
  /** A whole record had a place in the log that is not its own, so that none of its messages was handled. */
  readonly isMisplaced: boolean;
  /** What salvaging found, when the transport refused the file. */
  readonly damage?: readonly string[];
  /** Records of the log, and all others, that salvaging reported as lost. */
  readonly lost?: { readonly log: number; readonly others: number };
  readonly error?: string;
}

/** The body of a message follows from its id. */
export function bodyOf(id: string): Buffer {
  return Buffer.from(`${id}:${id.repeat(20)}`);
}

const QUIET_MS = 250;
const LONGEST_MS = 8_000;

async function main(): Promise<void> {
  const { folder, flips, expected } = JSON.parse(process.argv[2] ?? '{}') as FlipsTask;
  for (const flip of flips) {
    const directory = join(folder, 'flipped');
    const salvaged = join(folder, 'salvaged');
    for (const old of [directory, salvaged]) rmSync(old, { recursive: true, force: true });
    cpSync(join(folder, 'whole'), directory, { recursive: true });
    const path = join(directory, flip.file);
    const bytes = readFileSync(path);
    bytes[flip.byte] = (bytes[flip.byte] ?? 0) ^ flip.mask;
    writeFileSync(path, bytes);
    process.stdout.write(`begin ${JSON.stringify(flip)}\n`);
    let result = await observe(flip, directory, expected);
    if (result.error === 'FILE_CORRUPT') {
      const { damage, tables } = await salvageDirectory(directory, salvaged, () => undefined);
      const lostOf = (isLog: boolean): number =>
        tables.reduce((sum, { table, lost }) => sum + (isLog === (table === 'log') ? lost : 0), 0);
      const lost = { log: lostOf(true), others: lostOf(false) };
      result = { ...(await observe(flip, salvaged, expected)), damage, lost };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}

async function observe(flip: Flip, directory: string, expected: number): Promise<FlipResult> {
  const [handled, altered] = [new Set<string>(), new Set<string>()];
  /** Messages that each stands for. */
  const places = new Map<string, number>();
  let isMisplaced = false;
  let problems = 0;
  let lastAt: number;
  const transport = new EmbeddedTransport(embeddedOptionsSchema.parse({ directory }), {
    name: 'flipped',
    clock: systemClock,
    onEvent: (event: TransportEvent) => {
      if (event.type === 'problem') problems += 1;
    },
    keepRefused: ({ message }) => {
      places.set(message.id, 1);
      return Promise.resolve();
    },
  });
  const take = ({ message, unacceptable }: Delivery): Promise<{ kind: 'ack' }> => {
    lastAt = machineNow();
    if (unacceptable) {
      places.set(message.id, Number(/ (\d+) messages are lost/.exec(unacceptable.detail)?.[1] ?? 1));
      isMisplaced ||= unacceptable.detail.includes('belongs to another place');
    } else if (bodyOf(message.id).equals(message.body)) handled.add(message.id);
    else altered.add(message.id);
    return Promise.resolve({ kind: 'ack' });
  };
  let error: string | undefined;
  try {
    await transport.connect();
    await transport.consume({ topic: TOPIC, group: GROUP, concurrency: 20, ordering: 'none' }, take);
    const startedAt = machineNow();
    lastAt = startedAt;
    while (handled.size < expected && machineNow() - startedAt < LONGEST_MS) {
      // A loaded machine is quiet as well: nothing may be left either.
      if (machineNow() - lastAt >= QUIET_MS && (await isEmpty(transport))) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } catch (cause) {
    const { code } = cause as { code?: string };
    error = code === 'FILE_CORRUPT' ? code : `${code ?? ''} ${String(cause)}`;
  }
  await transport.close();
  const stated = [...places.values()].reduce((sum, messages) => sum + messages, 0);
  const corrupt = places.size;
  const found = { handled: [...handled], altered: [...altered], corrupt, stated, isMisplaced, problems };
  return { flip, ...found, ...(error !== undefined && { error }) };
}

async function isEmpty(transport: EmbeddedTransport): Promise<boolean> {
  const { ready, inFlight, delayed } = await transport.backlog({ topic: TOPIC, group: GROUP });
  return ready + inFlight + delayed === 0;
}

if (process.argv[1]?.endsWith('bit-flips-child.ts')) void main();
