import { createHash } from 'node:crypto';
import * as path from 'node:path';

import type { Route } from '../core/messaging/routing/routing-table.js';
import { type TransportSettings, transportSettingsSchema } from '../infrastructure/services/transports.js';
import type { ParsedSettings, WithFactories } from './factories.js';
import { FALLBACK_NAME } from './settings.js';
import type { AdminKey, SwitchyardSettings } from './switchyard-settings.js';

/** Where the transport that `fallback` adds keeps its messages when it is embedded. */
export function fallbackDirectory(dataDir: string): string {
  return path.join(dataDir, 'transports', FALLBACK_NAME);
}

/** What the values alone do not show. */
interface Found {
  readonly production: boolean;
  readonly permitted: readonly string[];
  /** Whether an earlier `fallback: embedded` has left a directory behind. */
  readonly hasLeftovers: boolean;
}

/** Adds the settings that follow from others: routes, fallback, hashes of keys. `parsed` has no mistakes left. */
export function complete<T extends WithFactories<ParsedSettings>>(
  parsed: T,
  { production, permitted, hasLeftovers }: Found,
): SwitchyardSettings & Omit<T, keyof ParsedSettings> {
  return {
    ...parsed,
    ...routing(parsed, hasLeftovers),
    production,
    permittedInsecurities: permitted,
    admin: { ...parsed.admin, apiKeys: parsed.admin.apiKeys.map(hashed) },
    deadLetters: {
      ...parsed.deadLetters,
      directory: parsed.deadLetters.directory ?? path.join(parsed.dataDir, 'dead-letters'),
    },
    idempotency: {
      ...parsed.idempotency,
      directory: parsed.idempotency.directory ?? path.join(parsed.dataDir, 'idempotency'),
    },
    control: control(parsed),
  };
}

/** Without a store of its own it follows the dead letters: both are for the same operators. */
function control({
  control: given,
  deadLetters,
  dataDir,
}: WithFactories<ParsedSettings>): SwitchyardSettings['control'] {
  const directory = given.directory ?? path.join(dataDir, 'control');
  if (given.store !== undefined) return { ...given, store: given.store, directory };
  const store = typeof deadLetters.store === 'function' ? 'memory' : deadLetters.store;
  const transport = given.transport ?? deadLetters.transport;
  return { ...given, store, directory, ...(transport !== undefined && { transport }) };
}

function hashed({ name, sha256, key, roles, topics }: ParsedSettings['admin']['apiKeys'][number]): AdminKey {
  return {
    name,
    sha256:
      sha256 ??
      createHash('sha256')
        .update(key ?? '')
        .digest('hex'),
    roles,
    ...(topics && { topics }),
  };
}

type Routing = Pick<SwitchyardSettings, 'transports' | 'routes' | 'drain'>;

/**
 * Applies `fallback`.
 *
 * The first transport of that kind takes every route; one is added only when there is none. The others are still
 * drained, because their messages were accepted and must be handled. For the same reason an embedded one that was
 * added earlier is drained once `fallback` is off again.
 */
function routing(
  { transports, routes, drain, fallback, dataDir }: WithFactories<ParsedSettings>,
  hasLeftovers: boolean,
): Routing {
  const names = Object.keys(transports);
  if (fallback === 'none') {
    const everything: Route[] = names.slice(0, 1).map((transport) => ({ match: '**', transport }));
    const kept = { transports, routes: routes ?? everything, drain };
    if (!hasLeftovers || FALLBACK_NAME in transports) return kept;
    const leftovers = added('embedded', dataDir);
    return {
      ...kept,
      transports: { ...transports, [FALLBACK_NAME]: leftovers },
      drain: [...drain, FALLBACK_NAME],
    };
  }
  const existing = names.find((name) => {
    const transport = transports[name];
    return typeof transport === 'object' && transport.kind === fallback;
  });
  const target = existing ?? FALLBACK_NAME;
  return {
    transports:
      existing === undefined ? { ...transports, [FALLBACK_NAME]: added(fallback, dataDir) } : transports,
    routes: [{ match: '**', transport: target }],
    drain: names.filter((name) => name !== target),
  };
}

function added(kind: 'memory' | 'embedded', dataDir: string): TransportSettings {
  const directory = fallbackDirectory(dataDir);
  return transportSettingsSchema.parse(kind === 'embedded' ? { kind, directory } : { kind });
}
