import type { ConformanceOptions } from './conformance.options.js';
import { TOPIC_NAMES } from './case-topics.js';
import type { TestFramework } from './test-framework.js';

const OPTIONS: Readonly<Record<keyof ConformanceOptions, true>> = {
  create: true,
  reopen: true,
  beside: true,
  process: true,
  outage: true,
  foreign: true,
  unreadable: true,
  refusedRetry: true,
  keepsGroups: true,
  tooLargeBytes: true,
  replies: true,
  repliesStayInProcess: true,
  skip: true,
  patienceMs: true,
  now: true,
};

type Loose<T> = { readonly [K in keyof T]?: unknown };

/** @throws TypeError with every mistake that only TypeScript forbids, and its remedy. */
export function assertUsable(
  framework: TestFramework,
  ...[name, options, only]: [name: string, options: ConformanceOptions, only: readonly string[]]
): void {
  const problems = [
    ...frameworkProblems(framework),
    ...(typeof name === 'string' ? [] : ['The second argument is not the name of the transport.']),
    ...optionProblems(options),
    ...only
      .filter((topic) => !(TOPIC_NAMES as readonly string[]).includes(topic))
      .map((topic) => `There is no topic ${topic}. There are: ${TOPIC_NAMES.join(', ')}.`),
  ];
  if (problems.length > 0) throw new TypeError(`describeTransport cannot run. ${problems.join(' ')}`);
}

function frameworkProblems(framework: Loose<TestFramework> | undefined): string[] {
  const given = framework ?? {};
  const missing = (['describe', 'it', 'expect'] as const).filter((key) => typeof given[key] !== 'function');
  return missing.length === 0
    ? []
    : [
        `The first argument has no function ${missing.join(', ')}. Give { describe, it, expect } of Jest or vitest.`,
      ];
}

function optionProblems(options: Loose<ConformanceOptions> | undefined): string[] {
  const given = options ?? {};
  const { create, tooLargeBytes } = given;
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(OPTIONS, key));
  return [
    ...unknown.map((key) => `${key} is no option. There are: ${Object.keys(OPTIONS).join(', ')}.`),
    ...(typeof create === 'function'
      ? []
      : ['create is missing. Give a function that resolves with a connected transport.']),
    ...(Number.isSafeInteger(tooLargeBytes) && Number(tooLargeBytes) > 2 ** 20
      ? []
      : ['tooLargeBytes is missing. Give a size above 1 MiB, in bytes, that the transport refuses.']),
  ];
}
