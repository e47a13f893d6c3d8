import type { Route } from '../core/messaging/routing/routing-table.js';
import type { ParsedSettings, WithFactories } from './factories.js';

/** A caller of the admin API. Only the hash of the key is kept. */
export interface AdminKey {
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly roles: readonly ParsedSettings['admin']['apiKeys'][number]['roles'][number][];
  /** Absent for a caller that sees all. */
  readonly topics?: readonly string[];
}

/** The settings of an application: complete, checked and frozen. Directories are absolute. */
export interface SwitchyardSettings extends Omit<
  ParsedSettings,
  'production' | 'transports' | 'routes' | 'admin' | 'deadLetters' | 'idempotency' | 'control'
> {
  /** What is insecure was refused: as `production` says or, without it, because NODE_ENV is `production`. */
  readonly production: boolean;
  /** What `allowInsecure` permits in these settings, a sentence each, without a secret. Empty outside production. */
  readonly permittedInsecurities: readonly string[];
  readonly transports: WithFactories<ParsedSettings>['transports'];
  /** First match wins; `fallback` is applied. */
  readonly routes: readonly Route[];
  readonly admin: Omit<ParsedSettings['admin'], 'apiKeys'> & { readonly apiKeys: readonly AdminKey[] };
  readonly deadLetters: WithFactories<ParsedSettings>['deadLetters'] & { readonly directory: string };
  readonly idempotency: WithFactories<ParsedSettings>['idempotency'] & { readonly directory: string };
  readonly control: Omit<WithFactories<ParsedSettings>['control'], 'store'> & {
    readonly store: NonNullable<WithFactories<ParsedSettings>['control']['store']>;
    readonly directory: string;
  };
}
