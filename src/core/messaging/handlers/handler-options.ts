import type { HandlerDefaults } from '../messaging.options.js';
import {
  type Backoff,
  DEFAULT_RETRY_POLICY,
  ERROR_RULES,
  type ErrorRule,
  isErrorRule,
} from '../retry-policy.js';
import { isName } from '../ports/names.js';
import type { HandlerEntry, KillSwitchPolicy } from './handler-entry.js';
import type { KillSwitchOptions, MessageHandlerOptions } from './message-handler.decorator.js';

const DEFAULT_CONCURRENCY = 16;
const DEFAULT_TIMEOUT_MS = 30_000;
const DAY_MS = 24 * 3_600_000;
const DEFAULT_KILL_SWITCH = { after: 20, probeEveryMs: 5_000 } as const;

type ResolvedOptions = Omit<HandlerEntry, 'topic' | 'handler' | 'type' | 'invoke'>;

/**
 * Fills in what a handler leaves out: its own options, then the module's defaults, then ours.
 *
 * @param group of a handler that names none.
 */
export function resolveHandlerOptions(
  given: MessageHandlerOptions,
  defaults: HandlerDefaults,
  group: string,
): ResolvedOptions {
  const options = isGroup(given) ? given : {}; // what else JavaScript gives is reported
  const asked = { ...defaults, ...options };
  return {
    group: asked.group ?? group,
    concurrency: asked.concurrency ?? DEFAULT_CONCURRENCY,
    ordering: asked.ordering ?? 'none',
    policy: {
      attempts: asked.attempts ?? DEFAULT_RETRY_POLICY.attempts,
      backoff: asked.backoff ?? DEFAULT_RETRY_POLICY.backoff,
      errors: [options.errors, defaults.errors].flatMap((rules) =>
        Array.isArray(rules) ? (rules as readonly ErrorRule[]) : [],
      ),
    },
    timeoutMs: asked.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    idempotencyWindowMs: asked.idempotencyWindowMs ?? 0,
    killSwitch: killSwitchOf(options.killSwitch),
  };
}

/** Deliveries of a request before it is given up: only the death of its process delivers it again. */
const REQUEST_ATTEMPTS = 3;

/** As {@link resolveHandlerOptions}, for a handler of requests. */
export function resolveRequestOptions(
  given: MessageHandlerOptions,
  defaults: HandlerDefaults,
  service: string,
): ResolvedOptions {
  const options = resolveHandlerOptions(given, defaults, service);
  const policy = { ...options.policy, attempts: REQUEST_ATTEMPTS };
  return { ...options, policy, ordering: 'none', idempotencyWindowMs: 0 };
}

function killSwitchOf(given: KillSwitchOptions | undefined): KillSwitchPolicy | undefined {
  if (!isKillSwitch(given)) return undefined; // what else JavaScript gives is reported
  const { after, errors, probeEveryMs } = given;
  return {
    errors,
    after: after ?? DEFAULT_KILL_SWITCH.after,
    probeEveryMs: probeEveryMs ?? DEFAULT_KILL_SWITCH.probeEveryMs,
  };
}

function isKillSwitch(given: unknown): given is KillSwitchOptions {
  if (!isGroup(given)) return false;
  const { errors, ...others } = given as { readonly errors?: unknown };
  const isKnown = Object.keys(others).every((key) => Object.hasOwn(DEFAULT_KILL_SWITCH, key));
  return (
    isKnown && Array.isArray(errors) && errors.length > 0 && errors.every((one) => typeof one === 'function')
  );
}

/** The compiler asks for a line here when handlers get another option. */
const KNOWN: Readonly<Record<keyof MessageHandlerOptions, true>> = {
  group: true,
  concurrency: true,
  ordering: true,
  attempts: true,
  backoff: true,
  errors: true,
  timeoutMs: true,
  idempotencyWindowMs: true,
  killSwitch: true,
};
/** Those of `@RequestHandler`. */
const OF_REQUESTS: readonly string[] = ['group', 'concurrency', 'timeoutMs', 'errors'];
/** Options that later versions will have. */
const RESERVED: readonly string[] = ['inbox', 'batch'];

/** What is wrong with options as they were given, which JavaScript does not check. */
export function problemsOfGivenOptions(given: unknown, isOfRequests = false): string[] {
  if (!isGroup(given)) return [`its options are ${given === null ? 'null' : typeof given}; give an object`];
  const { errors, killSwitch } = given as { readonly errors?: unknown; readonly killSwitch?: unknown };
  const isWrong = errors !== undefined && !(Array.isArray(errors) && errors.every(isErrorRule));
  const known = isOfRequests ? OF_REQUESTS : Object.keys(KNOWN);
  return [
    ...Object.keys(given)
      .filter((key) => !known.includes(key))
      .map((key) => explainUnknown(key, known)),
    ...(isWrong ? [`errors is not ${ERROR_RULES}`] : []),
    ...(killSwitch === undefined || isKillSwitch(killSwitch)
      ? []
      : [
          'killSwitch is not { after, errors: [DatabaseDown], probeEveryMs }; errors are classes or predicates, at least one',
        ]),
  ];
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function explainUnknown(key: string, known: readonly string[]): string {
  if (RESERVED.includes(key))
    return `${key} is reserved for a later version and not yet available; remove it`;
  const of = known === OF_REQUESTS ? 'request handlers, which run once for a request' : 'handlers';
  return `${key} is not an option of ${of}; known are ${known.join(', ')}`;
}

/** What is out of range, as `option is found; allowed`. */
export function problemsOfHandlerOptions(options: ResolvedOptions): string[] {
  const { policy } = options;
  return [
    isName(options.group)
      ? ''
      : `group is ${JSON.stringify(options.group)}; use 1 to 200 letters, digits, "-", "_" and single dots`,
    range('concurrency', options.concurrency, 1, 10_000),
    oneOf('ordering', options.ordering, ['none', 'key']),
    range('attempts', policy.attempts, 1, 1_000),
    range('timeoutMs', options.timeoutMs, 0, DAY_MS),
    range('idempotencyWindowMs', options.idempotencyWindowMs, 0, 366 * DAY_MS),
    ...problemsOfBackoff(policy.backoff),
    ...problemsOfKillSwitch(options.killSwitch),
  ].filter((problem) => problem !== '');
}

function problemsOfKillSwitch(killSwitch: KillSwitchPolicy | undefined): string[] {
  if (!killSwitch) return [];
  return [
    range('killSwitch.after', killSwitch.after, 1, 100_000),
    range('killSwitch.probeEveryMs', killSwitch.probeEveryMs, 100, DAY_MS),
  ];
}

function problemsOfBackoff(backoff: Backoff): string[] {
  if (typeof backoff !== 'object') return [`backoff is ${JSON.stringify(backoff)}; give { type, delayMs }`];
  return [
    oneOf('backoff.type', backoff.type, ['exponential', 'fixed']),
    range('backoff.delayMs', backoff.delayMs, 0, 30 * DAY_MS),
    backoff.maxDelayMs === undefined ? '' : range('backoff.maxDelayMs', backoff.maxDelayMs, 0, 30 * DAY_MS),
  ];
}

function range(name: string, value: number, min: number, max: number): string {
  const fits = Number.isInteger(value) && value >= min && value <= max;
  return fits ? '' : `${name} is ${JSON.stringify(value)}; use a whole number from ${min} to ${max}`;
}

function oneOf(name: string, value: string, allowed: readonly string[]): string {
  return allowed.includes(value)
    ? ''
    : `${name} is ${JSON.stringify(value)}; use one of ${allowed.join(', ')}`;
}
