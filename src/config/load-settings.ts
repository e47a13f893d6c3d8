import type { z } from 'zod';

import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { nearestName } from './did-you-mean.js';
import type { ShortNames } from './environment.js';
import { readSettings } from './read-settings.js';
import { settingsSchema } from './settings.schema.js';
import type { SettingsInput } from './settings-input.js';
import { type Environment, machineSources } from './sources.js';
import type { ParsedSettings } from './factories.js';
import type { SwitchyardSettings } from './switchyard-settings.js';

/** Where {@link loadSettings} reads. */
export interface LoadSettingsOptions {
  /** Settings in code. Files and the environment override them key by key. */
  readonly settings?: Partial<SettingsInput>;
  /**
   * YAML files, relative to `cwd`; later ones override earlier ones key by key, and each must exist. `[]` reads none.
   * @default the file that the variable `<prefix>CONFIG` names, or `config/switchyard.yaml` where it exists
   */
  readonly files?: readonly string[];
  /** Variables that override files. `{}` ignores those of the process. @default process.env */
  readonly env?: Environment;
  /** How the names of variables begin. @default 'SWITCHYARD_' */
  readonly prefix?: string;
  /** Directory that relative paths start from. @default process.cwd() */
  readonly cwd?: string;
  /** Paths of keys by further variables without the prefix: `{ DATA_DIR: ['dataDir'] }`. Those with it override them. */
  readonly variables?: ShortNames;
}

/** {@link LoadSettingsOptions}, and a schema with keys of the application beside those of the package. */
export interface LoadExtendedSettingsOptions<T extends ParsedSettings> extends LoadSettingsOptions {
  /** `settingsSchema.extend({ ... })` */
  readonly schema: z.ZodType<T>;
}

/**
 * Reads settings from code, files and the environment, in rising precedence. What it returns is what
 * `SwitchyardModule.forRootAsync` takes: complete, checked and frozen, with absolute directories.
 *
 * A variable `NAME_FILE` names a file that holds the value of `NAME`, for secrets.
 *
 * @throws MessagingConfigurationError that lists all mistakes, each with its key and source, and repeats no secret.
 */
export function loadSettings(
  options?: LoadSettingsOptions & { readonly schema?: undefined },
): Promise<SwitchyardSettings>;
export function loadSettings<T extends ParsedSettings>(
  options: LoadExtendedSettingsOptions<T>,
): Promise<SwitchyardSettings & Omit<T, keyof ParsedSettings>>;
export async function loadSettings(
  options: LoadSettingsOptions & { readonly schema?: z.ZodType<ParsedSettings> | undefined } = {},
): Promise<SwitchyardSettings> {
  refuseUnknown(options);
  const { schema = settingsSchema, settings, variables, ...where } = options;
  const sources = { ...(await machineSources()), ...where, ...(settings && { code: settings }) };
  return readSettings(schema, sources, variables);
}

/** {@link LoadSettingsOptions}, and the key under which a `ConfigService` has the settings. */
export interface MessagingConfigOptions extends LoadSettingsOptions {
  /** @default 'messaging' */
  readonly key?: string;
}

/**
 * The settings as a factory for `ConfigModule.forRoot({ load: [messagingConfig()] })` of `@nestjs/config`; then
 * `config.getOrThrow('messaging')` returns what {@link loadSettings} returns.
 */
export function messagingConfig({
  key = 'messaging',
  ...options
}: MessagingConfigOptions = {}): () => Promise<Record<string, SwitchyardSettings>> {
  return async () => ({ [key]: await loadSettings(options) });
}

const KNOWN: Readonly<Record<keyof LoadExtendedSettingsOptions<ParsedSettings>, true>> = {
  settings: true,
  files: true,
  env: true,
  prefix: true,
  cwd: true,
  variables: true,
  schema: true,
};

/** TypeScript does this for others. */
function refuseUnknown(options: object): void {
  const known = Object.keys(KNOWN);
  const problems = Object.keys(options).flatMap((name) => {
    if (known.includes(name)) return [];
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean "${nearest}"?`;
    return [`loadSettings has no option "${name}". ${hint} Settings in code belong into "settings".`];
  });
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
}
