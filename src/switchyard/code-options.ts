import { ERROR_RULES, type ErrorRule, isErrorRule } from '../core/messaging/retry-policy.js';
import type { CodeOptions } from './switchyard.options.js';

/** Options that only code can give, apart from those that a file could have as well. */
export interface SplitOptions {
  readonly code: CodeOptions;
  readonly errors: readonly ErrorRule[] | undefined;
  readonly settings: object;
  readonly problems: readonly string[];
}

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
type Check = (value: unknown) => string | undefined;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const listOf =
  (isItem: (item: unknown) => boolean, expected: string): Check =>
  (value) =>
    Array.isArray(value) && value.every(isItem) ? undefined : `must be a list of ${expected}`;

const objectWith =
  (methods: readonly string[], expected: string): Check =>
  (value) =>
    isObject(value) && methods.every((method) => typeof value[method] === 'function')
      ? undefined
      : `must be ${expected} with the method${methods.length > 1 ? 's' : ''} ${methods.join(', ')}`;

const isObserver = objectWith(['on'], 'an object');

/** The compiler asks for a line here when the core gets another option. */
const CHECKS: Readonly<Record<keyof CodeOptions, Check>> = {
  // Which entries the core can call, it finds out itself, because classes are looked up among the providers.
  around: listOf(() => true, 'classes or functions'),
  auditSink: (value) => (typeof value === 'function' ? undefined : 'must be a function (entry, line)'),
  beforePublish: listOf(() => true, 'classes or functions'),
  clock: objectWith(['now', 'monotonic', 'schedule'], 'an object'),
  messages: listOf(
    (item) => isObject(item) && typeof item['name'] === 'string',
    'message types that defineMessage has made',
  ),
  observers: listOf((item) => isObserver(item) === undefined, 'objects with the method on'),
  propagate: listOf((item) => typeof item === 'string', 'names of headers'),
};

const checkErrors: Check = (value) =>
  Array.isArray(value) && value.every(isErrorRule) ? undefined : `must be ${ERROR_RULES}`;

/** Takes options apart. Never throws, whatever they are. */
export function splitOptions(given: Readonly<Record<string, unknown>>): SplitOptions {
  const problems: string[] = [];
  const accept = (key: string, value: unknown, check: Check): boolean => {
    const problem = value === undefined ? undefined : check(value);
    if (problem !== undefined) problems.push(`${key} ${problem}.`);
    return value !== undefined && problem === undefined;
  };
  const code: Record<string, unknown> = {};
  for (const [key, check] of Object.entries(CHECKS)) {
    const value = given[key];
    if (accept(key, value, check)) code[key] = value;
  }
  const settings = Object.fromEntries(Object.entries(given).filter(([key]) => !Object.hasOwn(CHECKS, key)));
  const errors = takeErrors(settings);
  return {
    code,
    errors: accept('defaults.errors', errors, checkErrors) ? (errors as readonly ErrorRule[]) : undefined,
    settings,
    problems,
  };
}

function takeErrors(settings: Record<string, unknown>): unknown {
  const { defaults } = settings;
  if (!isObject(defaults) || Array.isArray(defaults)) return undefined;
  const { errors, ...others } = defaults;
  settings['defaults'] = others;
  return errors;
}
