import { label } from './explain.js';
import { isGroup, type Settings } from './settings.js';

/** Settings of single transports that are refused in production, because they would only look safe. */
export function problemsOfTransports(settings: Settings, production: boolean): string[] {
  const transports = settings.get(['transports']);
  if (!production || !isGroup(transports)) return [];
  return Object.keys(transports).flatMap((name) => {
    const path = ['transports', name, 'tls', 'dangerouslyAllowInvalidCerts'];
    if (settings.get(path) !== true && settings.get(path) !== 'true') return [];
    return [
      `${label(path, settings)} is on, and NODE_ENV is production: anybody could pose as the server. Name the authority in tls.caFile instead.`,
    ];
  });
}
