import { problemsOfLimits } from '../ports/dead-letter-limits.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import { DRAIN_SIGNALS } from '../ports/drain-signals.js';
import { problemsOfRedaction } from '../redaction/redaction-options.js';
import { problemsOfRoutes, unknownTransport } from '../routing/routing-table.js';
import { isName } from '../ports/names.js';

/** What is wrong with the module's options: one sentence a mistake. Handlers are checked by the registry. */
export function problemsOfOptions(options: MessagingModuleOptions): string[] {
  const names = options.transports.map((transport) => transport.name);
  const hasStore = typeof (options.deadLetters as unknown) === 'object';
  const known = new Set(names);
  return [
    ...(isName(options.service)
      ? []
      : [
          'Option service cannot be a name (value not shown); use letters, digits, "-", "_" and single dots.',
        ]),
    ...(names.length > 0 ? [] : ['No transport is configured; give at least one in transports.']),
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `Two transports are named "${name}"; names must differ.`),
    ...problemsOfRoutes(options.routes ?? [], known),
    ...(options.drain ?? [])
      .filter((name) => !known.has(name))
      .map((name) => `Option drain names ${unknownTransport(name, names)}`),
    ...(options.drainSignal === undefined || DRAIN_SIGNALS.includes(options.drainSignal)
      ? []
      : [`Option drainSignal is no signal that can drain; use one of ${DRAIN_SIGNALS.join(', ')}.`]),
    ...problemsOfNumbers(options),
    ...problemsOfRedaction(options.redaction),
    ...(hasStore
      ? problemsOfLimits(options.deadLetterLimits ?? {}, options.deadLetters)
      : ['Option deadLetters is missing; give a store of dead letters.']),
  ];
}

function problemsOfNumbers(options: MessagingModuleOptions): string[] {
  const { limits } = options;
  const ranges: [string, number | undefined, number, number][] = [
    ['publishDeadlineMs', options.publishDeadlineMs, 1, 3_600_000],
    ['drainTimeoutMs', options.drainTimeoutMs, 0, 3_600_000],
    ['maxInFlight', options.maxInFlight, 1, 10_000_000],
    ['maxInFlightBytes', options.maxInFlightBytes, 1, Number.MAX_SAFE_INTEGER],
    ['maxRequestsInFlight', options.maxRequestsInFlight, 1, 1_000_000],
    ['limits.maxBodyBytes', limits?.maxBodyBytes, 1, 1024 ** 3],
    ['limits.maxHeaders', limits?.maxHeaders, 0, 10_000],
    ['limits.maxHeaderBytes', limits?.maxHeaderBytes, 0, 1024 ** 2],
  ];
  return ranges
    .filter(
      ([, value, min, max]) =>
        value !== undefined && !(Number.isInteger(value) && value >= min && value <= max),
    )
    .map(
      ([name, value, min, max]) =>
        `Option ${name} is ${String(value)}; use a whole number from ${min} to ${max}.`,
    );
}
