import { isShownPattern, problemOfPattern } from '../core/messaging/routing/topic-pattern.js';
import { label } from './explain.js';
import { FALLBACK_NAME, isGroup, type Settings } from './settings.js';
import { problemsOfMembers, problemsOfName, problemsOfSpools, problemsOfStores } from './transport-checks.js';

/**
 * Mistakes between keys that are each valid alone. Checks the readable part of the settings, so that these mistakes
 * are reported together with those of single keys.
 */
export function problemsBetweenKeys(settings: Settings): string[] {
  return [
    ...problemsOfRouting(settings),
    ...problemsOfDirectories(settings),
    ...problemsOfMembers(settings),
    ...problemsOfSpools(settings),
    ...problemsOfStores(settings),
    ...problemsOfDropping(settings),
    ...problemsOfAdmin(settings),
  ];
}

function problemsOfRouting(settings: Settings): string[] {
  const transports = settings.get(['transports']);
  if (!isGroup(transports)) return [];
  const names = Object.keys(transports);
  const routes = settings.get(['routes']);
  if (routes === undefined && names.length !== 1) {
    return [`routes is missing. With ${names.length} transports it must say which topic goes where.`];
  }
  const drained = asList(settings.get(['drain'])).filter((name) => typeof name === 'string');
  return [
    ...asList(routes).flatMap((route, index) => problemsOfRoute(route, index, settings, names)),
    ...drained.flatMap((name) => problemsOfName(name, label(['drain'], settings), names)),
    ...problemsOfRequired(settings, names),
    ...problemsOfFallback(settings, transports),
  ];
}

function problemsOfRequired(settings: Settings, names: readonly string[]): string[] {
  const path = ['health', 'requiredTransports'];
  const required = asList(settings.get(path)).filter((name) => typeof name === 'string');
  return required.flatMap((name) => problemsOfName(name, label(path, settings), names));
}

/** A transport called `fallback` is found by its kind after a restart, so that its messages are drained. */
function problemsOfFallback(settings: Settings, transports: Record<string, unknown>): string[] {
  const fallback = settings.get(['fallback']);
  const own = transports[FALLBACK_NAME];
  if (fallback === undefined || fallback === 'none' || !isGroup(own) || own['kind'] === fallback) return [];
  const at = label(['transports', FALLBACK_NAME], settings);
  return [`${at} must be of the kind that the key fallback names, or have another name.`];
}

function problemsOfRoute(
  route: unknown,
  index: number,
  settings: Settings,
  names: readonly string[],
): string[] {
  if (!isGroup(route)) return []; // the schema requires it, here and below
  const { match, transport } = route;
  const at = label(['routes', String(index)], settings);
  const wrong = typeof match === 'string' ? problemOfPattern(match) : undefined;
  return [
    ...(wrong === undefined ? [] : [`${at} matches ${shownPattern(match)}, which ${wrong}.`]),
    ...(typeof transport === 'string' ? problemsOfName(transport, at, names) : []),
  ];
}

function shownPattern(match: unknown): string {
  return typeof match === 'string' && isShownPattern(match) ? JSON.stringify(match) : 'a text';
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Nothing would ever be dropped, which is not what was meant. */
function problemsOfDropping(settings: Settings): string[] {
  const path = ['deadLetters', 'dropPending'];
  if (settings.get(path) !== true) return [];
  const limits = ['maxAgeMs', 'maxCount', 'maxBytes'];
  if (limits.some((limit) => settings.get(['deadLetters', limit]) !== undefined)) return [];
  return [`${label(path, settings)} needs a limit that can be reached: one of ${limits.join(', ')}.`];
}

/** Two durable parts in one directory would lock each other out, and the error would name this very process. */
function problemsOfDirectories(settings: Settings): string[] {
  const transports = settings.get(['transports']);
  const places = [
    ...Object.keys(isGroup(transports) ? transports : {}).map((name) => ['transports', name, 'directory']),
    ['deadLetters', 'directory'],
    ['idempotency', 'directory'],
    ['control', 'directory'],
  ];
  const users = new Map<unknown, string>();
  return places.flatMap((path) => {
    const directory = settings.get(path);
    const other = users.get(directory);
    if (typeof directory === 'string') users.set(directory, label(path, settings));
    return other === undefined
      ? []
      : [`${label(path, settings)} is the same directory as ${other}. Give each its own.`];
  });
}

function problemsOfAdmin(settings: Settings): string[] {
  const keys = asList(settings.get(['admin', 'apiKeys']));
  const problems = keys.flatMap((entry, index) => {
    if (!isGroup(entry) || (entry['key'] === undefined) !== (entry['sha256'] === undefined)) return [];
    return [
      `${label(['admin', 'apiKeys', String(index)], settings)} must have either sha256 or key, and not both.`,
    ];
  });
  const names = keys.map((entry) => (isGroup(entry) ? entry['name'] : undefined));
  names.forEach((name, index) => {
    if (typeof name !== 'string' || names.indexOf(name) === index) return;
    problems.push(
      `${label(['admin', 'apiKeys', String(index)], settings)} repeats the name of another key. The audit log identifies keys by their names.`,
    );
  });
  return problems;
}
