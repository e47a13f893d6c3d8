import { createHash } from 'node:crypto';
import * as path from 'node:path';

import type { Route } from '../core/messaging/routing.js';
import { type TransportSettings, transportSettingsSchema } from '../infrastructure/services/transports.js';
import { FALLBACK_NAME } from './settings.js';
import type { AdminKey, AppConfig, ParsedConfig } from './app-config.js';

/** Fills in what follows from other values: routes, fallback, hashes of keys. `parsed` has no mistakes left. */
export function complete(parsed: ParsedConfig, production: boolean): AppConfig {
  return {
    ...parsed,
    ...routing(parsed),
    production,
    admin: { ...parsed.admin, apiKeys: parsed.admin.apiKeys.map(hashed) },
    deadLetters: {
      ...parsed.deadLetters,
      directory: parsed.deadLetters.directory ?? path.join(parsed.dataDir, 'dead-letters'),
    },
    idempotency: {
      ...parsed.idempotency,
      directory: parsed.idempotency.directory ?? path.join(parsed.dataDir, 'idempotency'),
    },
  };
}

function hashed({ name, sha256, key }: ParsedConfig['admin']['apiKeys'][number]): AdminKey {
  return {
    name,
    sha256:
      sha256 ??
      createHash('sha256')
        .update(key ?? '')
        .digest('hex'),
  };
}

type Routing = Pick<AppConfig, 'transports' | 'routes' | 'drain'>;

/**
 * Applies `fallback`.
 *
 * The first transport of that kind takes every route, and one is added only when there is none. The others are still
 * drained: what they hold was accepted and must be handled.
 */
function routing({ transports, routes, drain, fallback, dataDir }: ParsedConfig): Routing {
  const names = Object.keys(transports);
  if (fallback === 'none') {
    const everything: Route[] = names.slice(0, 1).map((transport) => ({ match: '**', transport }));
    return { transports, routes: routes ?? everything, drain };
  }
  const existing = names.find((name) => transports[name]?.kind === fallback);
  const target = existing ?? FALLBACK_NAME;
  return {
    transports:
      existing === undefined ? { ...transports, [FALLBACK_NAME]: added(fallback, dataDir) } : transports,
    routes: [{ match: '**', transport: target }],
    drain: names.filter((name) => name !== target),
  };
}

function added(kind: 'memory' | 'embedded', dataDir: string): TransportSettings {
  const directory = path.join(dataDir, 'transports', FALLBACK_NAME);
  return transportSettingsSchema.parse(kind === 'embedded' ? { kind, directory } : { kind });
}
