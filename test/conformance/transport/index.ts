import { keepsGroups, type Transport, type TransportEvent } from '../../../src/core/messaging/index.js';
import type { RefusedMessage } from '../../../src/core/messaging/ports/transport.js';
import { JumpingClock } from '../../support/jumping-clock.js';
import { keepMeasured } from '../../faults/measured.js';
import { backlog } from './backlog.js';
import { clocks } from './clocks.js';
import { closing } from './closing.js';
import { contexts } from './contexts.js';
import { crashing } from './crashing.js';
import { delaying } from './delaying.js';
import { delivering } from './delivering.js';
import { foreign } from './foreign.js';
import { forgetting } from './forgetting.js';
import { groups } from './groups.js';
import type { Bench, Case, ConformanceOptions } from './harness.js';
import { limits } from './limits.js';
import { ordering } from './ordering.js';
import { pressure } from './pressure.js';
import { reconnecting } from './reconnecting.js';
import { restarting } from './restarting.js';
import { retrying } from './retrying.js';
import { SharedOutage } from './shared-outage.js';
import { stopping } from './stopping.js';
import { uncounted } from './uncounted.js';

export type { CaseContext, ConformanceOptions, Foreign } from './harness.js';

const TOPICS = {
  delivering,
  contexts,
  groups,
  forgetting,
  retrying,
  uncounted,
  foreign,
  delaying,
  clocks,
  ordering,
  pressure,
  limits,
  stopping,
  closing,
  restarting,
  crashing,
  reconnecting,
  backlog,
} satisfies Record<string, readonly Case[]>;

type Topic = keyof typeof TOPICS;

const CASE_TIMEOUT_MS = 240_000;

const NEEDS = {
  reopen: 'it stores messages in the process only',
  beside: 'one process at a time can use its storage',
  process: 'no other process can open its storage',
  outage: 'it has no broker that can become unreachable',
  keepsGroups: 'it does not keep messages of groups without consumers, or cannot list them',
  foreign: 'no other program writes to it in this suite',
  unreadable: 'nothing unreadable can be written to a place of its own in this suite',
  refusedRetry: 'it has no broker that can refuse a retry',
} satisfies Record<NonNullable<Case['needs']>, string>;

/**
 * What every transport owes its callers, as tests. A case may be skipped only with a reason; one that needs something
 * that the options do not offer is skipped with that reason, and a skip that names no case fails.
 *
 * @param only the topics to run, for what stands in for a transport in some of them. All without it.
 */
export function describeTransport(name: string, options: ConformanceOptions, only?: readonly Topic[]): void {
  describe(`${name} as a transport`, () => {
    keepMeasured({ suite: name, cases: told(options, only) });
    const skips = new Map(
      options.skip?.flatMap(({ reason, tests }) => tests.map((title) => [title, reason] as const)),
    );
    const titles = caseTitles();
    it('skips only what exists, with a reason', () => {
      expect([...skips.keys()].filter((title) => !titles.includes(title))).toEqual([]);
      expect([...skips].filter(([, reason]) => reason.trim() === '')).toEqual([]);
      expect(new Set(titles).size).toBe(titles.length);
    });
    it('says in its options whether it keeps groups', async () => {
      const transport = await options.create({ onEvent: () => undefined });
      try {
        expect(keepsGroups(transport)).toBe(options.keepsGroups ?? false);
      } finally {
        await transport.close();
      }
    });
    describe.each(only ?? (Object.keys(TOPICS) as Topic[]))('%s', (topic) => {
      const reasonOf = (one: Case): string | undefined => skips.get(one.title) ?? missing(one, options);
      const cases = TOPICS[topic].filter((each) => applies(each, options));
      const run = runnerOf(
        cases.filter((one) => reasonOf(one) === undefined),
        options,
      );
      for (const one of cases) define(one, reasonOf(one), run);
    });
  });
}

/** Of every case, whether or not it goes for a transport. */
export function caseTitles(): readonly string[] {
  return Object.values(TOPICS).flatMap((cases) => cases.map((one) => one.title));
}

/** What is run and what is skipped, with the reason, by topic. */
function told(options: ConformanceOptions, only: readonly Topic[] = Object.keys(TOPICS) as Topic[]): object {
  const skips = new Map(options.skip?.flatMap(({ reason, tests }) => tests.map((title) => [title, reason])));
  const reasonOf = (one: Case): string => skips.get(one.title) ?? missing(one, options) ?? '';
  return Object.fromEntries(
    only.map((topic) => {
      const cases = TOPICS[topic].filter((one) => applies(one, options));
      return [topic, Object.fromEntries(cases.map((one) => [one.title, reasonOf(one)]))];
    }),
  );
}

function missing({ needs }: Case, options: ConformanceOptions): string | undefined {
  return needs === undefined || options[needs] !== undefined ? undefined : NEEDS[needs];
}

/** Of the cases about what an outage does to deliveries, those that go for this transport. */
function applies({ keepsDeliveries }: Case, { outage }: ConformanceOptions): boolean {
  return keepsDeliveries === undefined || keepsDeliveries === (outage?.keepsDeliveries ?? 'never');
}

/** Each case has a broker to itself, but where a restart takes long: then one outage is for all that need one. */
function runnerOf(cases: readonly Case[], options: ConformanceOptions): (one: Case) => Promise<void> {
  const { outage } = options;
  const together = outage?.isOfAll ? cases.filter(({ needs }) => needs === 'outage') : [];
  const running = new Map<Case, Promise<void>>();
  if (outage && together.length > 0)
    beforeAll(() => {
      const shared = new SharedOutage(outage, together.length);
      const { kill, restore } = shared;
      for (const one of together) {
        const result = runCase(one, { ...options, outage: { ...outage, kill, restore } });
        running.set(one, result);
        result.catch(() => undefined).finally(() => shared.over()); // the case itself tells what failed
      }
    });
  return (one) => running.get(one) ?? runCase(one, options);
}

function define(one: Case, reason: string | undefined, run: (one: Case) => Promise<void>): void {
  if (reason !== undefined) {
    it.skip(`${one.title} (skipped: ${reason})`, () => undefined);
    return;
  }
  it(one.title, () => run(one), CASE_TIMEOUT_MS);
}

async function runCase(one: Case, options: ConformanceOptions): Promise<void> {
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
