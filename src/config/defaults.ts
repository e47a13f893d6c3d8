import * as path from 'node:path';

import { isGroup, type Settings } from './settings.js';
import { childOf, type Shape, variantOf } from './shape.js';

/** The transport of a file that configures none: durable, and without a server. Variables may set its options. */
export function addDefaultTransport(settings: Settings): void {
  if (settings.get(['transports']) === undefined)
    settings.set(['transports', 'local', 'kind'], 'embedded', 'default');
}

/** Makes directories absolute, and sets the directory of every durable part that names none. */
export function addDependentDefaults(settings: Settings, shape: Shape, cwd: string): void {
  const place = (at: readonly string[], fallback: string): void => {
    const group = settings.get(at.slice(0, -1));
    const value = settings.get(at) ?? fallback;
    if (typeof value !== 'string' || value === '' || (group !== undefined && !isGroup(group))) return; // the schema requires it
    settings.set(at, path.resolve(cwd, value), settings.originOf(at) ?? 'default', settings.isHidden(at));
  };
  place(['dataDir'], 'data');
  const dataDir = String(settings.get(['dataDir']));
  place(['deadLetters', 'directory'], path.join(dataDir, 'dead-letters'));
  place(['idempotency', 'directory'], path.join(dataDir, 'idempotency'));
  place(['control', 'directory'], path.join(dataDir, 'control'));
  for (const name of transportsWithDirectory(settings, shape)) {
    place(['transports', name, 'directory'], path.join(dataDir, 'transports', name));
  }
}

function transportsWithDirectory(settings: Settings, shape: Shape): string[] {
  const transports = settings.get(['transports']);
  const variants = childOf(childOf(shape, 'transports', undefined) ?? shape, '', undefined);
  if (!isGroup(transports) || variants?.kind !== 'variants') return [];
  return Object.keys(transports).filter((name) =>
    variantOf(variants, transports[name])?.keys.has('directory'),
  );
}
