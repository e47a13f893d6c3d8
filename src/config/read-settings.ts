import * as path from 'node:path';
import type { z } from 'zod';

import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { problemsBetweenKeys } from './checks.js';
import { coerce } from './coerce.js';
import { complete, fallbackDirectory } from './derived-settings.js';
import { addDefaultTransport, addDependentDefaults } from './defaults.js';
import { readCode } from './code-source.js';
import { addEnvironment, configFileVariable, type ShortNames } from './environment.js';
import { explainIssues } from './explain.js';
import { type ParsedSettings, withFactories, withoutFactories } from './factories.js';
import { deepFreeze } from './freeze.js';
import { checkProduction } from './production-checks.js';
import { Settings } from './settings.js';
import { shapeOf } from './shape.js';
import type { SettingsSources } from './sources.js';
import type { SwitchyardSettings } from './switchyard-settings.js';

const DEFAULT_FILE = path.join('config', 'switchyard.yaml');

/**
 * Reads settings: defaults, overridden by code, overridden by files, overridden by the environment.
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
  const refused = addCode(settings, sources.code);
  addFiles(settings, fromHere);
  addDefaultTransport(settings);
  addEnvironment(settings, shape, fromHere, shortNames);
  addDependentDefaults(settings, shape, cwd);

  const values = coerce(shape, settings.root);
  const parsed = schema.safeParse(withoutFactories(values));
  const issues = parsed.error?.issues.filter((issue) => !refused.has(issue.path.join('.'))) ?? [];
  const { production, problems: insecure, permitted } = checkProduction(settings, values, env);
  const problems = [
    ...settings.problems,
    ...explainIssues(issues, shape, settings),
    ...problemsBetweenKeys(settings),
    ...insecure,
  ];
  if (parsed.data === undefined || problems.length > 0) throw new MessagingConfigurationError(problems);
  const hasLeftovers = sources.exists(fallbackDirectory(parsed.data.dataDir));
  const own = withFactories(parsed.data, settings);
  const settled = complete(own, { production, permitted, hasLeftovers });
  return deepFreeze(settled as SwitchyardSettings & Omit<T, keyof ParsedSettings>);
}

/** Returns the paths of values that were refused, so that each is reported once. */
function addCode(settings: Settings, code: object = {}): ReadonlySet<string> {
  const { value, problems, refused } = readCode(code);
  settings.addCode(value);
  settings.problems.push(...problems);
  return new Set(refused);
}

function addFiles(settings: Settings, sources: SettingsSources): void {
  const { env, files, prefix } = sources;
  if (files !== undefined) {
    for (const file of files) addFile(settings, sources, file);
    return;
  }
  const variable = configFileVariable(prefix);
  const chosen = env[variable];
  if (chosen === undefined || chosen === '') addFile(settings, sources, DEFAULT_FILE, { isOptional: true });
  else addFile(settings, sources, chosen, { hint: ` ${variable} names it.` });
}

interface FileNeed {
  readonly isOptional?: boolean;
  readonly hint?: string;
}

function addFile(
  settings: Settings,
  { readFile, readYaml }: SettingsSources,
  name: string,
  { isOptional = false, hint = '' }: FileNeed = {},
): void {
  let text: string;
  try {
    text = readFile(name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    if (code === 'ENOENT' && isOptional) return;
    settings.problems.push(`${shownFile(name)} cannot be read (${code}).${hint}`);
    return;
  }
  settings.addFile(name, readYaml(text));
}

/** Anything else than the path of a file of settings may be a secret. */
function shownFile(name: string): string {
  return /^[^@\s]{1,200}\.ya?ml$/i.test(name) ? name : 'A file (name not shown)';
}
