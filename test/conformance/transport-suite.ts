import type { ConformanceOptions } from '../../src/testing/conformance/conformance.options.js';
import type { Topic } from '../../src/testing/conformance/case-topics.js';
import {
  describeTransport as describeWith,
  plannedCases,
} from '../../src/testing/conformance/describe-transport.js';
import { keepMeasured } from '../faults/measured.js';
import { machineNow } from '../support/machine-time.js';

export type {
  CaseContext,
  ConformanceOptions,
  Foreign,
} from '../../src/testing/conformance/conformance.options.js';

/** The exported suite under Jest, in the time of this machine. What it runs and skips is kept for the tables of the docs. */
export function describeTransport(name: string, options: ConformanceOptions, only?: readonly Topic[]): void {
  keepMeasured({ suite: name, cases: plannedCases(options, only) });
  describeWith({ describe, it, expect }, name, { now: machineNow, ...options }, only);
}

/** Starts the process of the cases that kill one, with the `createTransport` of this module. */
export function processOf(module: string): readonly string[] {
  return ['--import', '@swc-node/register/esm-register', 'test/conformance/transport-process.ts', module];
}
