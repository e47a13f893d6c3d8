import type { z } from 'zod';

import type { Route } from '../core/messaging/routing.js';
import type { TransportSettings } from '../infrastructure/services/transports.js';
import type { configSchema } from './app-config.schema.js';

/** What the schema makes of the sources, before defaults that depend on other values. */
export type ParsedConfig = z.output<typeof configSchema>;

/** Whoever may use the admin API. Only the hash of the key is kept. */
export interface AdminKey {
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The configuration of the application: complete, checked and frozen. Directories are absolute. */
export interface AppConfig extends Omit<
  ParsedConfig,
  'transports' | 'routes' | 'admin' | 'deadLetters' | 'idempotency'
> {
  /** NODE_ENV is `production`. */
  readonly production: boolean;
  readonly transports: Readonly<Record<string, TransportSettings>>;
  /** First match wins; `fallback` is applied. */
  readonly routes: readonly Route[];
  readonly admin: Omit<ParsedConfig['admin'], 'apiKeys'> & { readonly apiKeys: readonly AdminKey[] };
  readonly deadLetters: ParsedConfig['deadLetters'] & { readonly directory: string };
  readonly idempotency: ParsedConfig['idempotency'] & { readonly directory: string };
}
