import { backlog } from './backlog.js';
import { closing } from './closing.js';
import { crashing } from './crashing.js';
import { delaying } from './delaying.js';
import { delivering } from './delivering.js';
import { groups } from './groups.js';
import type { Bench, Case, ConformanceOptions } from './harness.js';
import { limits } from './limits.js';
import { ordering } from './ordering.js';
import { pressure } from './pressure.js';
import { restarting } from './restarting.js';
import { retrying } from './retrying.js';
import { stopping } from './stopping.js';

export type { ConformanceOptions } from './harness.js';

const TOPICS: Readonly<Record<string, readonly Case[]>> = {
  delivering,
  groups,
  retrying,
  delaying,
  ordering,
  pressure,
  limits,
  stopping,
  closing,
  restarting,
  crashing,
  backlog,
};

const CASE_TIMEOUT_MS = 120_000;

/**
 * What every transport owes its callers, as tests. A case may be skipped only with a reason; one that needs something
 * that the options do not offer is skipped with that reason, and a skip that names no case fails.
 */
export function describeTransport(name: string, options: ConformanceOptions): void {
  describe(`${name} as a transport`, () => {
    const skips = new Map(
      options.skip?.flatMap(({ reason, tests }) => tests.map((title) => [title, reason] as const)),
    );
    const titles = Object.values(TOPICS).flatMap((cases) => cases.map((one) => one.title));
    it('skips only what exists', () => {
      expect([...skips.keys()].filter((title) => !titles.includes(title))).toEqual([]);
      expect(new Set(titles).size).toBe(titles.length);
    });
    describe.each(Object.entries(TOPICS))('%s', (_, cases) => {
      for (const one of cases) define(one, options, skips.get(one.title) ?? missing(one, options));
    });
  });
}

function missing({ needs }: Case, options: ConformanceOptions): string | undefined {
  if (needs === undefined || options[needs] !== undefined) return undefined;
  return needs === 'reopen'
    ? 'it keeps nothing beyond its own life'
    : 'its storage cannot be shared with another process';
}

function define(one: Case, options: ConformanceOptions, reason: string | undefined): void {
  if (reason !== undefined) {
    it.skip(`${one.title} (skipped: ${reason})`, () => undefined);
    return;
  }
  it(one.title, () => runCase(one, options), CASE_TIMEOUT_MS);
}

async function runCase(one: Case, options: ConformanceOptions): Promise<void> {
  let transport = await options.create();
  const bench: Bench = {
    get transport() {
      return transport;
    },
    options,
    reopen: async () => (transport = (await options.reopen?.(transport)) ?? transport),
  };
  try {
    await one.run(bench);
  } finally {
    await transport.close();
  }
}
