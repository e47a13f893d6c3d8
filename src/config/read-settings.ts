import * as path from 'node:path';
import type { z } from 'zod';

import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { problemsBetweenKeys } from './checks.js';
import { coerce } from './coerce.js';
import { complete, fallbackDirectory } from './derived-settings.js';
import { addDefaultTransport, addDependentDefaults } from './defaults.js';
import { addEnvironment, CONFIG_FILE_VARIABLE, type ShortNames } from './environment.js';
import { explainIssues } from './explain.js';
import { deepFreeze } from './freeze.js';
import { checkProduction } from './production-checks.js';
import { Settings } from './settings.js';
import { shapeOf } from './shape.js';
import type { SettingsSources } from './sources.js';
import type { ParsedSettings, SwitchyardSettings } from './switchyard-settings.js';

const DEFAULT_FILE = path.join('config', 'switchyard.yaml');

/**
 * Reads settings: defaults, overridden by the file, overridden by the environment.
 *
 * @param schema `settingsSchema`, or an extension of it with keys of the application.
 * @param shortNames variables without the prefix; those with the prefix go over them.
 * @throws MessagingConfigurationError that lists all mistakes and repeats no secret.
 */
export function readSettings<T extends ParsedSettings>(
  schema: z.ZodType<T>,
  sources: SettingsSources,
  shortNames: ShortNames = {},
): SwitchyardSettings & Omit<T, keyof ParsedSettings> {
  const { env, cwd } = sources;
  const shape = shapeOf(schema);
  const settings = new Settings();
  const fromHere = { ...sources, readFile: (file: string) => sources.readFile(path.resolve(cwd, file)) };
  addFile(settings, fromHere);
  addDefaultTransport(settings);
  addEnvironment(settings, shape, fromHere, shortNames);
  addDependentDefaults(settings, shape, cwd);

  const values = coerce(shape, settings.root);
  const parsed = schema.safeParse(values);
  const { production, problems: refused, permitted } = checkProduction(settings, values, env);
  const problems = [
    ...settings.problems,
    ...(parsed.error === undefined ? [] : explainIssues(parsed.error.issues, shape, settings)),
    ...problemsBetweenKeys(settings),
    ...refused,
  ];
  if (parsed.data === undefined || problems.length > 0) throw new MessagingConfigurationError(problems);
  const hasLeftovers = sources.exists(fallbackDirectory(parsed.data.dataDir));
  return deepFreeze(complete(parsed.data, { production, permitted, hasLeftovers }));
}

function addFile(settings: Settings, { env, readFile, readYaml }: SettingsSources): void {
  const chosen = env[CONFIG_FILE_VARIABLE];
  const name = chosen === undefined || chosen === '' ? DEFAULT_FILE : chosen;
  let text: string;
  try {
    text = readFile(name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    if (code === 'ENOENT' && name === DEFAULT_FILE) return;
    settings.problems.push(
      `${name} cannot be read (${code}).${name === chosen ? ` ${CONFIG_FILE_VARIABLE} names it.` : ''}`,
    );
    return;
  }
  settings.addFile(name, readYaml(text));
}
