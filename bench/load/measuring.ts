import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import type { Figure } from '../harness.js';

const DEADLINE_MS = 60_000;
const PATIENCE_MS = 600_000;
const LOOK_MS = 20;
const SMALL = Buffer.from('{}');

export function ceiling(
  figure: string,
  value: number,
  unit: string,
  [floor, goal]: [number, number],
): Figure {
  return { figure, value, unit, floor, goal, judged: 'ceiling' };
}

export const elapsedSeconds = (since: number): number => (systemClock.monotonic() - since) / 1_000;

/** Publishes one message and resolves with its id. Throws unless it was accepted: a load that is refused measures nothing. */
export async function accepted(transport: Transport, topic: string, body: Buffer = SMALL): Promise<string> {
  const id = randomUUID();
  const [outcome] = await transport.publish({ topic }, [{ id, headers: {}, body }], {
    deadlineMs: DEADLINE_MS,
  });
  if (outcome?.kind === 'accepted') return id;
  throw new Error(`A message to ${topic} was ${outcome?.kind ?? 'forgotten'}.`, { cause: outcome?.error });
}

export async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAt = systemClock.monotonic() + PATIENCE_MS;
  while (!isSo()) {
    if (systemClock.monotonic() > giveUpAt) throw new Error(`After ten minutes it is not so: ${what}.`);
    await wait(LOOK_MS);
  }
}
