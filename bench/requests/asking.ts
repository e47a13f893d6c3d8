import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { defineRequest, RequestHandler, type Transport } from '../../src/core/messaging/index.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { bootApp, closeApps } from '../../test/support/messaging-app.js';
import { type BenchOptions, type Figure, median, percentile } from '../harness.js';

/** Requests in flight at a time. */
const CONCURRENCY = 16;
/** Not counted, of each run: until both are compiled. */
const WARM_UP = 4_000;

const Echo = defineRequest('bench.echo', z.object({ n: z.number() }), z.object({ n: z.number() }));

@Injectable()
class EchoHandler {
  @RequestHandler(Echo, { group: 'bench', concurrency: 4 * CONCURRENCY })
  echo(asked: { n: number }): { n: number } {
    return asked;
  }
}

/** Requests of a run. */
export const countOf = ({ quick }: BenchOptions): number => WARM_UP + (quick ? 4_000 : 20_000);

export type Ask = (n: number) => Promise<unknown>;

/** Milliseconds of each request, with `CONCURRENCY` in flight, without the first ones. */
export async function roundTripsOf(count: number, ask: Ask): Promise<number[]> {
  const took: number[] = [];
  let sent = 0;
  const one = async (): Promise<void> => {
    while (sent < count) {
      const nth = (sent += 1);
      const from = performance.now();
      await ask(nth);
      if (nth > WARM_UP) took.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, one));
  return took;
}

/** Of an application that asks and another that answers, each with a transport of its own. */
export async function ours(count: number, create: () => Promise<Transport>): Promise<number[]> {
  const imports = [MetricsModule.forRoot({ path: false, defaultMetrics: false })];
  const options = async () => ({ transports: [await create()], observers: [] });
  await bootApp({ imports, providers: [EchoHandler] }, await options());
  const { messaging } = await bootApp({ imports }, await options());
  try {
    return await roundTripsOf(count, (n) => messaging.request(Echo, { n }, { timeoutMs: 30_000 }));
  } finally {
    await closeApps();
  }
}

/** Runs both in turn and compares their p50. The client alone validates nothing, confirms nothing and loses replies. */
export async function compare(
  { name, floor }: { readonly name: string; readonly floor: number },
  runs: { readonly bare: () => Promise<number[]>; readonly ours: () => Promise<number[]> },
  { quick, progress }: BenchOptions,
): Promise<Figure[]> {
  const found = { bare: [] as number[], ours: [] as number[] };
  for (let round = 0; round < (quick ? 3 : 5); round += 1) {
    for (const who of ['bare', 'ours'] as const) {
      const p50 = percentile(await runs[who](), 0.5);
      found[who].push(p50);
      progress(`request to reply, ${CONCURRENCY} in flight, ${who}: ${p50.toFixed(2)} ms`);
    }
  }
  const value = median(found.ours) / median(found.bare);
  const figure = `${name} request to reply with ${CONCURRENCY} in flight, p50 against the bare client`;
  return [{ figure, value, unit: 'x', floor, goal: 1.5, judged: 'ceiling' }];
}
