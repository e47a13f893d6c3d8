import type { Transport } from '../../src/core/messaging/transport.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { type Child, startChild } from './child-process.js';
import type { KeysTask } from './keys-child.js';
import { report } from './measured.js';

const KEYS = 12;
const MESSAGES = 1_200;
/** What the design promises for a key whose process has died. */
const HANDOVER_MS = 10_000;

interface Step {
  readonly what: 'begin' | 'end';
  readonly key: string;
  readonly nth: number;
  readonly attempt: number;
  readonly atMs: number;
  readonly by: number;
}

function stepsOf(from: readonly Child[]): Step[] {
  const steps = from.flatMap(({ lines }, by) =>
    lines.flatMap(({ text, atMs }): Step[] => {
      const [what, key = '', nth, attempt] = text.split(' ');
      if (what !== 'begin' && what !== 'end') return [];
      return [{ what, key, nth: Number(nth), attempt: Number(attempt), atMs, by }];
    }),
  );
  return steps.sort((a, b) => a.atMs - b.atMs);
}

const handled = (steps: readonly Step[]): Set<number> =>
  new Set(steps.filter(({ what }) => what === 'end').map(({ nth }) => nth));

/** Three processes share the keys, two of them are killed, and no key has its messages in another order. */
export async function keepOrderOverProcesses(
  name: string,
  transport: Transport,
  task: KeysTask,
): Promise<void> {
  const children = [1, 2, 3].map(() => startChild('test/faults/keys-child.ts', task));
  try {
    await killTwoOf(name, transport, children);
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}

async function killTwoOf(name: string, transport: Transport, children: readonly Child[]): Promise<void> {
  const [first, second, third] = children as [Child, Child, Child];
  await waitUntil('all consume', async () => children.every(({ lines }) => lines.length > 0));
  let sent = 0;
  const publish = async (count: number): Promise<void> => {
    for (const end = sent + count; sent < end; sent++) {
      const message = { id: `${sent}`, key: `k${sent % KEYS}`, headers: {}, body: Buffer.from('x') };
      const outcomes = await transport.publish({ topic: 't' }, [message], { deadlineMs: 10_000 });
      expect(outcomes[0]?.kind).toBe('accepted');
    }
  };
  await publish(MESSAGES / 3);
  // More and more: a transport may take a moment to share the keys among processes that have just come.
  await waitUntil('all three have some', async () => {
    await publish(KEYS);
    return new Set(stepsOf(children).map(({ by }) => by)).size === 3;
  });
  first.signal('SIGKILL');
  const killedAtMs = performance.now();
  await publish(MESSAGES / 3);
  second.signal('SIGKILL');
  await publish(MESSAGES / 3);
  await waitUntil('everything is handled', async () => handled(stepsOf(children)).size === sent);

  const steps = stepsOf(children);
  for (let key = 0; key < KEYS; key++) {
    const begins = steps.filter((step) => step.key === `k${key}` && step.what === 'begin');
    let last = -1;
    for (const { nth, attempt } of begins) {
      // What a dead process had comes again before anything that follows it, if that process had come to begin it.
      if (attempt > 1) expect(nth).toBeGreaterThanOrEqual(last);
      else expect(nth).toBeGreaterThan(last);
      last = nth;
    }
  }
  const again = steps.filter(({ what, attempt }) => what === 'begin' && attempt > 1);
  const handedOver = again.filter(({ by }) => by === 1 || by === 2).map(({ atMs }) => atMs - killedAtMs);
  for (const ms of handedOver.slice(0, 1)) expect(ms).toBeLessThan(HANDOVER_MS);
  expect(third.lines.length).toBeGreaterThan(1);
  report(
    `${name}, keys over processes`,
    `${sent} messages of ${KEYS} keys, 2 of 3 processes killed: order kept, ${again.length} handled again, ` +
      `first handed over after ${Math.round(handedOver[0] ?? 0)} ms`,
  );
}
