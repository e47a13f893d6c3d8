import type { z } from 'zod';

import type {
  ControlStoreFactory,
  DeadLetterStoreFactory,
  IdempotencyStoreFactory,
  TransportFactory,
} from '../infrastructure/services/transports.js';
import type { settingsSchema } from './settings.schema.js';

/**
 * What a schema takes, as people write it: lists may be read-only, and a key that ends with `Ms` or `Bytes` takes a
 * number or a text with a unit (`30s`, `512MiB`).
 */
type Written<T> = T extends readonly (infer Item)[]
  ? readonly Written<Item>[]
  : T extends object
    ? {
        readonly [Key in keyof T]: Key extends `${string}Ms` | `${string}Bytes`
          ? T[Key] | string
          : Written<T[Key]>;
      }
    : T;

type Keys = Written<z.input<typeof settingsSchema>>;

/** A directory is never needed: `dataDir` has one for each transport. */
type WithoutDirectory<T> = T extends { readonly directory: string }
  ? Omit<T, 'directory'> & { readonly directory?: string }
  : T;

/** Options of one transport; `kind` decides which there are. */
export type TransportInput = WithoutDirectory<Keys['transports'][string]>;

type StoreInput<T, Factory> = Omit<NonNullable<T>, 'store'> & {
  readonly store?: (T extends { readonly store?: infer Kind } ? Kind : never) | Factory | undefined;
};

/** All settings, as code, files and the environment give them. */
export type SettingsInput = Omit<Keys, 'transports' | 'deadLetters' | 'idempotency' | 'control'> & {
  /** By name. Without any: `local`, of the kind `embedded`. A function makes a transport of the application's own. */
  readonly transports?: Readonly<Record<string, TransportInput | TransportFactory>>;
  /** A function as `store` makes a store of the application's own. */
  readonly deadLetters?: StoreInput<Keys['deadLetters'], DeadLetterStoreFactory>;
  /** A function as `store` makes a store of the application's own. */
  readonly idempotency?: StoreInput<Keys['idempotency'], IdempotencyStoreFactory>;
  /** A function as `store` makes a store of the application's own. */
  readonly control?: StoreInput<Keys['control'], ControlStoreFactory>;
};
