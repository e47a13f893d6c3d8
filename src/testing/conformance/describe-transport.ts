import { isComposite } from '../../core/messaging/ports/composite-transport.js';
import { carriesReplies } from '../../core/messaging/ports/replies.js';
import { keepsGroups } from '../../core/messaging/ports/transport.js';
import { type Case, needsOf } from './bench.js';
import { caseTitles, type Topic, TOPIC_NAMES, TOPICS } from './case-topics.js';
import type { ConformanceOptions } from './conformance.options.js';
import { runnerOf } from './run-case.js';
import type { TestFramework } from './test-framework.js';
import { assertUsable } from './usage-checks.js';

const CASE_TIMEOUT_MS = 240_000;

const NEEDS = {
  reopen: 'it stores messages in the process only',
  beside: 'one process at a time can use its storage',
  process: 'no other process can open its storage',
  outage: 'it has no broker that can become unreachable',
  keepsGroups: 'it does not keep messages of groups without consumers, or cannot list them',
  foreign: 'no other program writes to it in this suite',
  unreadable: 'nothing unreadable can be written to a place of its own in this suite',
  replies: 'it carries no replies',
  refusedRetry: 'it has no broker that can refuse a retry',
} satisfies Record<ReturnType<typeof needsOf>[number], string>;

/** Why each case of each topic is skipped; empty where it runs. */
export type PlannedCases = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * What every transport owes its callers, as tests. A case may be skipped only with a reason; one that needs something
 * that the options do not offer is skipped with that reason, and a skip that names no case fails.
 *
 * @param framework defines the tests: `{ describe, it, expect }` of Jest or vitest.
 * @param name of the transport, in the titles.
 * @param only the topics to run, for what stands in for a transport in some of them. All without it.
 * @throws TypeError with every mistake in the arguments.
 */
export function describeTransport(
  framework: TestFramework,
  ...[name, options, only = TOPIC_NAMES]: [name: string, options: ConformanceOptions, only?: readonly Topic[]]
): void {
  assertUsable(framework, name, options, only);
  const { describe, it, expect } = framework;
  describe(`${name} as a transport`, () => {
    const skips = skipsOf(options);
    it('skips only what exists, with a reason', async () => {
      const titles = caseTitles();
      expect([...skips.keys()].filter((title) => !titles.includes(title))).toEqual([]);
      expect([...skips].filter(([, reason]) => reason.trim() === '')).toEqual([]);
      expect(new Set(titles).size).toBe(titles.length);
    });
    it('says in its options whether it keeps groups and carries replies', async () => {
      const transport = await options.create({ onEvent: () => undefined });
      try {
        expect(keepsGroups(transport)).toBe(options.keepsGroups ?? false);
        if (!isComposite(transport)) expect(carriesReplies(transport)).toBe(options.replies ?? false);
      } finally {
        await transport.close();
      }
    });
    for (const topic of only)
      describe(topic, () => {
        const cases = casesOf(topic, options);
        const runs = (one: Case): boolean => reasonToSkip(one, options) === undefined;
        const run = runnerOf(cases.filter(runs), options, expect);
        for (const one of cases) {
          const reason = reasonToSkip(one, options);
          if (reason === undefined) it(one.title, () => run(one), CASE_TIMEOUT_MS);
          else it.skip(`${one.title} (skipped: ${reason})`, () => undefined);
        }
      });
  });
}

/** What {@link describeTransport} runs and skips with these options, by topic. */
export function plannedCases(
  options: ConformanceOptions,
  only: readonly Topic[] = TOPIC_NAMES,
): PlannedCases {
  return Object.fromEntries(
    only.map((topic) => {
      const cases = casesOf(topic, options);
      return [topic, Object.fromEntries(cases.map((one) => [one.title, reasonToSkip(one, options) ?? '']))];
    }),
  );
}

/** Without those about what an outage does to the deliveries of other transports. */
function casesOf(topic: Topic, { outage }: ConformanceOptions): readonly Case[] {
  const keeps = outage?.keepsDeliveries ?? 'never';
  return TOPICS[topic].filter(
    ({ keepsDeliveries }: Case) => keepsDeliveries === undefined || keepsDeliveries === keeps,
  );
}

function reasonToSkip(one: Case, options: ConformanceOptions): string | undefined {
  const reason = skipsOf(options).get(one.title);
  if (reason !== undefined) return reason;
  const missing = needsOf(one).find((need) => options[need] === undefined);
  return missing && NEEDS[missing];
}

function skipsOf({ skip = [] }: ConformanceOptions): ReadonlyMap<string, string> {
  return new Map(skip.flatMap(({ reason, tests }) => tests.map((title) => [title, reason] as const)));
}
