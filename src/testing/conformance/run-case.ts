import type { RefusedMessage, Transport, TransportEvent } from '../../core/messaging/ports/transport.js';
import { type Bench, benchTools, type Case, needsOf } from './bench.js';
import type { ConformanceOptions } from './conformance.options.js';
import { JumpingClock } from './jumping-clock.js';
import { SharedOutage } from './shared-outage.js';
import type { Expect } from './test-framework.js';

/**
 * Runs cases of one topic, each once. Each has a broker to itself, but where a restart takes long: then one outage is for all
 * that need one, which begin together.
 */
export function runnerOf(
  cases: readonly Case[],
  options: ConformanceOptions,
  expect: Expect,
): (one: Case) => Promise<void> {
  const { outage } = options;
  const together = outage?.isOfAll ? cases.filter((one) => needsOf(one).includes('outage')) : [];
  const running = new Map<Case, Promise<void>>();
  const begin = (): void => {
    if (!outage || running.size > 0) return;
    const shared = new SharedOutage(outage, together.length);
    const { kill, restore } = shared;
    for (const one of together) {
      const result = runCase(one, { ...options, outage: { ...outage, kill, restore } }, expect);
      running.set(one, result);
      result.catch(() => undefined).finally(() => shared.over()); // the case itself reports what failed
    }
  };
  return (one) => {
    if (together.includes(one)) begin();
    return running.get(one) ?? runCase(one, options, expect);
  };
}

async function runCase(one: Case, options: ConformanceOptions, expect: Expect): Promise<void> {
  const events: TransportEvent[] = [];
  const refused: RefusedMessage[] = [];
  const clock = new JumpingClock();
  let transport: Transport = await options.create({
    clock,
    onEvent: (event) => events.push(event),
    keepRefused: async (message) => void refused.push(message),
  });
  const broker = { isGone: false };
  const bench: Bench = {
    ...benchTools(expect, options),
    get transport() {
      return transport;
    },
    options,
    clock,
    events,
    refused,
    reopen: async () => (transport = (await options.reopen?.(transport)) ?? transport),
    kill: async () => {
      broker.isGone = true;
      await options.outage?.kill(transport);
    },
    restore: async () => {
      broker.isGone = false;
      await options.outage?.restore(transport);
    },
  };
  try {
    await one.run(bench);
  } finally {
    if (broker.isGone) await bench.restore(); // the next case may share the broker
    await transport.close();
  }
}
