import type { HandlerDefaults } from '../messaging.options.js';
import { type Backoff, DEFAULT_RETRY_POLICY } from '../retry-policy.js';
import { isName } from '../ports/names.js';
import type { HandlerEntry } from './handler-entry.js';
import type { MessageHandlerOptions } from './message-handler.decorator.js';

const DEFAULT_CONCURRENCY = 16;
const DEFAULT_TIMEOUT_MS = 30_000;
const DAY_MS = 24 * 3_600_000;

type ResolvedOptions = Omit<HandlerEntry, 'topic' | 'handler' | 'type' | 'invoke'>;

/** Fills in what a handler leaves out: its own options, then the module's defaults, then ours. */
export function resolveHandlerOptions(
  options: MessageHandlerOptions,
  defaults: HandlerDefaults,
  service: string,
): ResolvedOptions {
  const asked = { ...defaults, ...options };
  return {
    group: asked.group ?? service,
    concurrency: asked.concurrency ?? DEFAULT_CONCURRENCY,
    ordering: asked.ordering ?? 'none',
    policy: {
      attempts: asked.attempts ?? DEFAULT_RETRY_POLICY.attempts,
      backoff: asked.backoff ?? DEFAULT_RETRY_POLICY.backoff,
      errors: [...(options.errors ?? []), ...(defaults.errors ?? [])],
    },
    timeoutMs: asked.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    idempotencyWindowMs: asked.idempotencyWindowMs ?? 0,
  };
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
  ].filter((problem) => problem !== '');
}

function problemsOfBackoff(backoff: Backoff): string[] {
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
