import type { z } from 'zod';

import type {
  ControlStoreFactory,
  DeadLetterStoreFactory,
  IdempotencyStoreFactory,
  TransportFactory,
} from '../infrastructure/services/transports.js';
import type { settingsSchema } from './settings.schema.js';
import { isGroup, type Settings } from './settings.js';

/** The parsed settings, before defaults that depend on other values. */
export type ParsedSettings = z.output<typeof settingsSchema>;

/** Settings in which functions of the application may stand for a transport or a store. */
export type WithFactories<T extends ParsedSettings> = Omit<
  T,
  'transports' | 'deadLetters' | 'idempotency' | 'control'
> & {
  readonly transports: Readonly<Record<string, T['transports'][string] | TransportFactory>>;
  readonly deadLetters: OwnStore<T['deadLetters'], DeadLetterStoreFactory>;
  readonly idempotency: OwnStore<T['idempotency'], IdempotencyStoreFactory>;
  readonly control: OwnStore<T['control'], ControlStoreFactory>;
};

type OwnStore<T extends { readonly store?: string | undefined }, Factory> = Omit<T, 'store'> & {
  readonly store: T['store'] | Factory;
};

const STORES = ['deadLetters', 'idempotency', 'control'] as const;

/**
 * Puts a valid setting where code has a function, because the schema knows only values that a file can have. Names,
 * and all that depends on them, are checked as ever.
 */
export function withoutFactories(value: unknown): unknown {
  if (!isGroup(value)) return value;
  const { transports } = value;
  const result = { ...value };
  if (isGroup(transports)) result['transports'] = withoutFunctions(transports, { kind: 'memory' });
  for (const store of STORES) {
    const settings = value[store];
    if (isGroup(settings)) result[store] = withoutFunctions(settings, 'memory');
  }
  return result;
}

function withoutFunctions(group: Record<string, unknown>, substitute: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(group).map(([key, value]) => [key, typeof value === 'function' ? substitute : value]),
  );
}

/** Puts the functions back. */
export function withFactories<T extends ParsedSettings>(parsed: T, settings: Settings): WithFactories<T> {
  const own = (path: readonly string[], otherwise: unknown): unknown => {
    const given = settings.get(path);
    return typeof given === 'function' ? given : otherwise;
  };
  const stores = STORES.map((name) => {
    const store = own([name, 'store'], parsed[name].store);
    return [name, { ...parsed[name], store }] as const;
  });
  const transports = Object.entries(parsed.transports).map(
    ([name, options]) => [name, own(['transports', name], options)] as const,
  );
  return {
    ...parsed,
    ...Object.fromEntries(stores),
    transports: Object.fromEntries(transports),
  } as WithFactories<T>;
}
