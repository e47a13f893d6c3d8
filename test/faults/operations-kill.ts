import type { OperationCounts, OperationItem } from '../../src/index.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { type Child, startChild } from './child-process.js';
import type { OperationsTask } from './operations-child.js';

const LETTERS = 10_000;
const RATE_PER_SECOND = 500;
/** Letters in flight when a process dies. They are sent again, because nobody knows whether they were sent. */
const IN_FLIGHT = 16;
/** What the process that continues may grow while it works on half of the letters. */
const MAX_GROWTH_BYTES = 120 * 2 ** 20;

interface State {
  readonly state: string;
  readonly counts: OperationCounts;
  readonly rss: number;
  /** Once it has ended. */
  readonly skipped: readonly OperationItem[];
}

/** A replay of many dead letters whose process is killed in the middle, on the stores of these settings. */
export function describeOperationsKill(
  name: string,
  /** Whether another process may run meanwhile. */
  isShared: boolean,
  settingsOf: () => OperationsTask['settings'],
): void {
  describe(`${name}: a process that replays ${LETTERS} dead letters and is killed`, () => {
    const children: Child[] = [];
    afterEach(() => Promise.all(children.splice(0).map((child) => child.kill())), 60_000);

    const start = async (settings: OperationsTask['settings'], letters: number): Promise<Child> => {
      const task = { settings, letters, ratePerSecond: RATE_PER_SECOND } satisfies OperationsTask;
      const child = startChild('test/faults/operations-child.ts', task);
      children.push(child);
      await waitUntil('it runs', async () => child.lines.some(({ text }) => text === 'running'), 60_000);
      return child;
    };

    it('has a successor that leaves none out, and sends none twice but those that were in flight', async () => {
      const settings = settingsOf();
      const first = await start(settings, LETTERS);
      let second = isShared ? await start(settings, 0) : undefined;
      await waitUntil('half is done', async () => (stateOf(first)?.counts.done ?? 0) > LETTERS / 2, 240_000);
      await first.kill();
      second ??= await start(settings, 0);
      const successor = second;
      await waitUntil('it is seen', async () => stateOf(successor) !== undefined, 60_000);
      const atBegin = stateOf(successor) as State;
      await waitUntil('it has ended', async () => stateOf(successor)?.state === 'completed', 180_000);
      await waitUntil(
        'all are handled',
        async () => new Set([first, successor].flatMap(handledBy)).size === LETTERS,
        60_000,
      );
      const end = stateOf(successor) as State;
      expect(end.skipped).toEqual([]);
      expect(end.counts).toMatchObject({ selected: LETTERS, done: LETTERS, failed: 0, skipped: 0 });
      const handled = [first, successor].flatMap(handledBy);
      expect(handled.length - LETTERS).toBeLessThanOrEqual(IN_FLIGHT + twiceOfTheBroker);
      expect(end.rss - atBegin.rss).toBeLessThan(MAX_GROWTH_BYTES);
    }, 600_000);
  });
}

/** Messages whose handler had run in the killed process, and that it could not acknowledge: at most its concurrency. */
const twiceOfTheBroker = 50;

function handledBy({ lines }: Child): string[] {
  return lines.flatMap(({ text }) => (text.startsWith('handled ') ? [text.slice(8)] : []));
}

/** What it said last of the operation. */
function stateOf({ lines }: Child): State | undefined {
  const last = lines.findLast(({ text }) => text.startsWith('state '));
  return last && (JSON.parse(last.text.slice(6)) as State);
}
