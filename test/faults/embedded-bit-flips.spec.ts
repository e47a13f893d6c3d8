import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { WireMessage } from '../../src/core/messaging/ports/transport.js';
import { poisonRandom } from '../support/poison-random.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { bodyOf, type Flip, type FlipResult, type FlipsTask, GROUP, TOPIC } from './bit-flips-child.js';
import { newTransport, until } from './embedded-process.js';

const ROUNDS = Number(process.env['FLIP_ROUNDS'] ?? 300);
const SINGLES = 40;
const TOGETHER = 30;
const DELAYED = 20;
const RETRIED = 10;
const DELAY_MS = 500;
const SUBSCRIPTION = { topic: TOPIC, group: GROUP, concurrency: 5, ordering: 'none' } as const;

const data = temporaryDirectory();
const whole = join(data.path, 'whole');
/** Ids of what was accepted and not handled. */
let expected: readonly string[] = [];
afterAll(() => data.remove());

const messages = (name: string, count: number): WireMessage[] =>
  Array.from({ length: count }, (_, nth) => {
    const id = `${name}-${nth}`;
    return { id, headers: { tenant: 'acme' }, body: bodyOf(id) };
  });

/** A directory with messages in the log, alone and together, delayed, retried, in flight and settled. */
beforeAll(async () => {
  const transport = newTransport(whole);
  await transport.connect();
  const publish = async (batch: readonly WireMessage[], delayMs = 0): Promise<void> => {
    const outcomes = await transport.publish({ topic: TOPIC }, batch, { deadlineMs: 20_000, delayMs });
    expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
  };
  const retried = messages('retried', RETRIED);
  let settled = 0;
  const consumer = await transport.consume(SUBSCRIPTION, ({ message }) => {
    settled += 1;
    const retry = { kind: 'retry', delayMs: DELAY_MS } as const;
    return Promise.resolve(message.id.startsWith('retried') ? retry : { kind: 'ack' });
  });
  await publish(messages('settled', 20));
  await publish(retried);
  await until(() => settled >= 20 + RETRIED);
  await consumer.stop();
  const singles = messages('single', SINGLES);
  for (const message of singles) await publish([message]);
  const together = messages('together', TOGETHER);
  await publish(together);
  const delayed = messages('delayed', DELAYED);
  await publish(delayed, DELAY_MS);
  await transport.close();
  await new Promise((done) => setTimeout(done, DELAY_MS));
  expected = [...retried, ...singles, ...together, ...delayed].map(({ id }) => id);
});

/** Runs the flips in processes of their own: one that is ended by a signal fails the test and names its flip. */
async function resultsOf(flips: readonly Flip[]): Promise<FlipResult[]> {
  const task: FlipsTask = { folder: data.path, flips, expected: expected.length };
  const script = resolve('test/faults/bit-flips-child.ts');
  const errors: Buffer[] = [];
  const child = spawn(
    process.execPath,
    ['--import', '@swc-node/register/esm-register', script, JSON.stringify(task)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const ended = await new Promise<string>((done) =>
    child.once('close', (code, signal) => done(signal ?? `${code}`)),
  );
  const lines = output.split('\n').filter((line) => line !== '');
  // What the process said last shows where it ended.
  const said = Buffer.concat(errors).toString().slice(-2_000);
  expect(ended === '0' ? [ended] : [ended, lines.at(-1), said]).toEqual(['0']);
  return lines.filter((line) => !line.startsWith('begin')).map((line) => JSON.parse(line) as FlipResult);
}

/**
 * A bit in a record costs the message that it is in. Where the file is refused, and where the place of a record is damaged, it
 * costs at most one record, because pages are searched for whole ones; and no more is missing than the reports say in numbers.
 */
function harmOf({
  handled,
  altered,
  stated,
  isMisplaced,
  problems,
  damage,
  lost,
  error,
}: FlipResult): unknown {
  const missing = expected.filter((id) => !handled.includes(id));
  const reported = stated + (lost ? lost.log * TOGETHER + lost.others : 0);
  const mostMissing = damage || isMisplaced ? TOGETHER : 1;
  const isReported = missing.length === 0 || problems + (damage?.length ?? 0) > 0;
  const isHarmless = [
    error === undefined,
    altered.length === 0,
    missing.length <= Math.min(mostMissing, reported),
    isReported,
  ].every(Boolean);
  return isHarmless ? undefined : { error, altered, missing, mostMissing, reported, problems };
}

function assertHarmless(results: readonly FlipResult[]): void {
  const seen = results.map((result) => ({ flip: result.flip, damage: result.damage, harm: harmOf(result) }));
  expect(seen.filter(({ harm }) => harm !== undefined)).toEqual([]);
}

const PAGE_BYTES = 4_096;
const PAGE_HEAD_BYTES = 24;
const [BRANCH, LEAF] = [1, 2];

/** Bytes of lmdb's own: heads of pages, places and heads of records, keys, references to other pages, lists of free pages. */
function structureOf(file: Buffer): number[] {
  const places: number[] = [];
  const add = (from: number, to: number): void => {
    for (let byte = from; byte < to; byte += 1) places.push(byte);
  };
  for (let page = 2 * PAGE_BYTES; page < file.length; page += PAGE_BYTES) {
    add(page, page + PAGE_HEAD_BYTES);
    if (![BRANCH, LEAF].includes(file.readUInt16LE(page + 18) & 0x6f)) continue;
    const nodes = file.readUInt16LE(page + 20) / 2;
    for (let nth = 0; nth < nodes; nth += 1) {
      const at = page + PAGE_HEAD_BYTES + 2 * nth;
      const node = page + PAGE_HEAD_BYTES + file.readUInt16LE(at);
      add(at, at + 2);
      add(node, node + 8 + file.readUInt16LE(node + 6) + 8);
    }
  }
  return places;
}

describe('a directory of the embedded transport with one bit turned', () => {
  it('handles nothing that was altered, every other message, and reports what is missing', async () => {
    const random = poisonRandom('bit flips');
    const files = readdirSync(whole).filter((name) => name.startsWith('hand-out') || name === 'data.mdb');
    const flips = Array.from({ length: ROUNDS }, (_, nth): Flip => {
      // Every other one in the data: the other files are mostly empty.
      const file = nth % 4 < 3 ? 'data.mdb' : random.oneOf(files);
      const bytes = file === 'data.mdb' ? statSync(join(whole, file)).size : 4_096;
      return { file, byte: random.below(bytes), mask: 1 << random.below(8) };
    });
    const results = await resultsOf(flips);
    expect(results).toHaveLength(flips.length);
    assertHarmless(results);
    expect(results.some(({ corrupt }) => corrupt > 0)).toBe(true);
  }, 900_000);

  it('loses at most one record, and says how many messages, wherever the bit is in the structure of the file', async () => {
    const random = poisonRandom('structure');
    const places = structureOf(readFileSync(join(whole, 'data.mdb')));
    const flips = Array.from({ length: Math.ceil(ROUNDS / 2) }, (): Flip => {
      return { file: 'data.mdb', byte: random.oneOf(places), mask: 1 << random.below(8) };
    });
    const results = await resultsOf(flips);
    expect(results).toHaveLength(flips.length);
    assertHarmless(results);
    expect(results.filter(({ damage }) => damage !== undefined).length).toBeGreaterThanOrEqual(
      Math.floor(ROUNDS / 30),
    );
  }, 900_000);

  it('is opened or refused for every byte of the header, and never ends the process', async () => {
    const random = poisonRandom('header');
    const starts = [0, 2_048, 4_096];
    const all = starts.flatMap((start) => Array.from({ length: 168 }, (_, nth) => start + nth));
    const bytes = ROUNDS >= 300 ? all : all.filter(() => random.below(10) === 0);
    const flips = bytes.map((byte): Flip => ({ file: 'data.mdb', byte, mask: 0xff }));
    const results = await resultsOf(flips);
    assertHarmless(results);
    expect(results.some(({ damage }) => damage !== undefined)).toBe(true);
  }, 900_000);
});
