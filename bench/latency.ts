import type { Transport } from '../src/core/messaging/index.js';
import { bootShop, orderOf, OrderPlaced } from './shop.js';

export const RATE = 500;

/** The beginning that is left out, and who is told of its end and of the end of all. */
export interface WarmUp {
  readonly seconds: number;
  readonly over: () => void;
  readonly ended: () => void;
}

/** Calls `send` `RATE` times a second, whatever the calls take, until it has done so for so long. Resolves with their results. */
export async function atRate<T>(
  seconds: number,
  send: (nth: number) => Promise<T>,
  warmUp: WarmUp = { seconds: 1, over: () => undefined, ended: () => undefined },
): Promise<T[]> {
  const startedAt = performance.now();
  const sent: Promise<T>[] = [];
  while (sent.length < RATE * seconds) {
    const due = Math.min(((performance.now() - startedAt) / 1_000) * RATE, RATE * seconds);
    while (sent.length < due) {
      if (sent.length === RATE * warmUp.seconds) warmUp.over();
      sent.push(send(sent.length));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  warmUp.ended();
  return Promise.all(sent);
}

/** Milliseconds from `publish` to the handler, at `RATE` messages a second, without the first second or the warm-up. */
export async function latenciesOf(transport: Transport, seconds: number, warmUp?: WarmUp): Promise<number[]> {
  const seen: number[] = [];
  // `total` carries the time: the payload is what reaches the handler.
  const handling = { handle: ({ total }: { total: number }) => void seen.push(performance.now() - total) };
  const shop = await bootShop(transport, { handling, concurrency: 100, consume: true });
  const published = await atRate(
    seconds,
    (nth) => shop.messaging.publish(OrderPlaced, { ...orderOf(nth), total: performance.now() }),
    warmUp,
  );
  while (seen.length < published.length) await new Promise((resolve) => setTimeout(resolve, 5));
  await shop.close();
  return seen.slice(RATE * (warmUp?.seconds ?? 1));
}
