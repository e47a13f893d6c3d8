import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { waitUntil, waitWhileMoving } from '../support/brokers/wait-until.js';
import { watchSlowdown } from '../support/machine-time.js';
import { type Child, startChild } from './child-process.js';
import { disorderOf, type KeyStep } from './key-order.js';
import type { KeysTask } from './keys-child.js';
import { report } from './measured.js';

const KEYS = 12;
const MESSAGES = 1_200;
/** What the design promises for a key whose process has died. */
const HANDOVER_MS = 10_000;
const NS_PER_MS = 1e6;

function stepsOf(from: readonly Child[]): KeyStep[] {
  return from.flatMap(({ lines }, by) =>
    lines.flatMap(({ text }): KeyStep[] => {
      const [what, key = '', nth, attempt, at = ''] = text.split(' ');
      if (what !== 'begin' && what !== 'end') return [];
      return [{ what, key, nth: Number(nth), attempt: Number(attempt), at: BigInt(at), by }];
    }),
  );
}

const handled = (steps: readonly KeyStep[]): Set<number> =>
  new Set(steps.filter(({ what }) => what === 'end').map(({ nth }) => nth));

/** Where a message is begun that was begun before. */
function repeatsOf(steps: readonly KeyStep[]): KeyStep[] {
  const seen = new Set<number>();
  return [...steps]
    .filter(({ what }) => what === 'begin')
    .sort((a, b) => Number(a.at - b.at))
    .filter(({ nth }) => seen.size === seen.add(nth).size);
}

/**
 * Three processes share the keys, two of them are killed, and each key keeps the order that is promised. What a killed process has handled but
 * not settled comes again, and takes its key back to there: see {@link disorderOf}.
 */
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
  const [, , third] = children as [Child, Child, Child];
  const killedAt: (bigint | undefined)[] = [undefined, undefined, undefined];
  const slowdown = watchSlowdown();
  await waitUntil('all consume', async () => children.every(({ lines }) => lines.length > 0));
  let sent = 0;
  const publish = async (count: number): Promise<void> => {
    for (const end = sent + count; sent < end; sent++) {
      const message = { id: `${sent}`, key: `k${sent % KEYS}`, headers: {}, body: Buffer.from('x') };
      const outcomes = await transport.publish({ topic: 't' }, [message], { deadlineMs: 10_000 });
      expect(outcomes[0]?.kind).toBe('accepted');
    }
  };
  const kill = (which: 0 | 1): void => {
    killedAt[which] = process.hrtime.bigint();
    children[which]!.signal('SIGKILL');
  };
  await publish(MESSAGES / 3);
  // More and more: a transport may take a moment to share the keys among processes that have just come.
  await waitUntil('all three have some', async () => {
    await publish(KEYS);
    return new Set(stepsOf(children).map(({ by }) => by)).size === 3;
  });
  kill(0);
  await publish(MESSAGES / 3);
  kill(1);
  await publish(MESSAGES / 3);
  const handledSoFar = (): number => handled(stepsOf(children)).size;
  await waitWhileMoving('everything is handled', async () => handledSoFar() === sent, handledSoFar);

  const steps = stepsOf(children);
  expect(disorderOf({ steps, stride: KEYS, killedAt })).toEqual([]);
  const again = repeatsOf(steps);
  const handedOver = again.filter(({ by }) => by > 0).map(({ at }) => Number(at - killedAt[0]!) / NS_PER_MS);
  for (const ms of handedOver.slice(0, 1)) expect(ms / slowdown()).toBeLessThan(HANDOVER_MS);
  expect(third.lines.length).toBeGreaterThan(1);
  report(
    `${name}, keys over processes`,
    `${sent} messages of ${KEYS} keys, 2 of 3 processes killed: order kept, ${again.length} handled again, ` +
      `first handed over after ${Math.round(handedOver[0] ?? 0)} ms`,
  );
}
