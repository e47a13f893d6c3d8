import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, newTransport, startChild, until } from './embedded-process.js';

const ROUNDS = 15;
const SEED = 20_260_401;

interface Seen {
  readonly accepted: Set<string>;
  readonly handled: Set<string>;
  /** Attempts with which handling began, in order, by id. */
  readonly started: Map<string, number[]>;
}

function read(journal: string): Seen {
  const seen: Seen = { accepted: new Set(), handled: new Set(), started: new Map() };
  const lines = existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').slice(0, -1) : [];
  for (const line of lines) {
    const [what = '', id = '', attempt] = line.split(' ');
    if (what === 'accepted') seen.accepted.add(id);
    if (what === 'handled') seen.handled.add(id);
    if (what === 'started') seen.started.set(id, [...(seen.started.get(id) ?? []), Number(attempt)]);
  }
  return seen;
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe('an embedded directory whose process is killed', () => {
  const folder = newFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(`has every accepted message handled, with attempts that count up, over ${ROUNDS} kills at random instants`, async () => {
    const directory = join(folder, 'data');
    const journal = join(folder, 'journal');
    const next = random(SEED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = startChild({ directory, role: 'work', journal, prefix: `r${round}` });
      await until(() => child.lines().includes('ready'));
      await new Promise((resolve) => setTimeout(resolve, 20 + next() * 400));
      await child.kill();
    }
    const before = read(journal);
    const transport = newTransport(directory);
    await transport.connect();
    const left: { id: string; attempt: number }[] = [];
    await transport.consume(
      { topic: 'orders', group: 'g', concurrency: 100, ordering: 'none' },
      async ({ message: { id }, attempt }) => {
        left.push({ id, attempt });
        return { kind: 'ack' };
      },
    );
    await until(async () => {
      const { ready, inFlight, delayed } = await transport.backlog({ topic: 'orders', group: 'g' });
      return ready + inFlight + delayed === 0;
    });
    await transport.close();

    expect(before.accepted.size).toBeGreaterThan(ROUNDS * 10);
    const handled = new Set([...before.handled, ...left.map(({ id }) => id)]);
    expect([...before.accepted].filter((id) => !handled.has(id))).toEqual([]);
    for (const { id, attempt } of left) {
      const attempts = before.started.get(id) ?? [];
      // Handed out and not noted: the kill came between the two, so one more than what was seen is right as well.
      expect([attempts.length + 1, attempts.length + 2]).toContain(attempt);
    }
    const countsUp = (attempts: readonly number[]): boolean =>
      attempts.every((attempt, at) => at === 0 || attempt > attempts[at - 1]!);
    expect([...before.started].filter(([, attempts]) => !countsUp(attempts))).toEqual([]);
  }, 120_000);
});
