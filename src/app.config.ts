import * as fs from 'node:fs';
import * as path from 'node:path';

import type { AppConfig } from './config/app-config.js';
import { configSchema } from './config/app-config.schema.js';
import { problemsBetweenKeys } from './config/checks.js';
import { coerce } from './config/coerce.js';
import { complete, fallbackDirectory } from './config/complete.js';
import { addDefaultTransport, addDependentDefaults } from './config/defaults.js';
import {
  addEnvironment,
  CONFIG_FILE_VARIABLE,
  type Environment,
  type ReadFile,
} from './config/environment.js';
import { explainIssues } from './config/explain.js';
import { deepFreeze } from './config/freeze.js';
import { Settings } from './config/settings.js';
import { shapeOf } from './config/shape.js';
import { readYaml } from './config/yaml-source.js';
import { MessagingConfigurationError } from './core/messaging/messaging.errors.js';

export type { AppConfig } from './config/app-config.js';

/** What the configuration is read from; a parameter so that tests can say it. */
export interface ConfigSources {
  readonly env: Environment;
  readonly cwd: string;
  /** Throws an error with a `code` when there is no such file. */
  readonly readFile: ReadFile;
  readonly exists: (file: string) => boolean;
}

const DEFAULT_FILE = path.join('config', 'switchyard.yaml');
const MAX_FILE_BYTES = 2 ** 20;

/**
 * Reads the configuration: defaults, over them the file, over it the environment.
 *
 * Throws a `MessagingConfigurationError` that names every mistake at once and repeats no secret.
 */
export function loadAppConfig(sources: ConfigSources = machineSources()): AppConfig {
  const { env, cwd } = sources;
  const shape = shapeOf(configSchema);
  const settings = new Settings();
  const readFile: ReadFile = (file) => sources.readFile(path.resolve(cwd, file));
  addFile(settings, env, readFile);
  addDefaultTransport(settings);
  addEnvironment(settings, shape, env, readFile);
  addDependentDefaults(settings, shape, cwd);

  const parsed = configSchema.safeParse(coerce(shape, settings.root));
  const production = env['NODE_ENV'] === 'production';
  const problems = [
    ...settings.problems,
    ...(parsed.error === undefined ? [] : explainIssues(parsed.error.issues, shape, settings)),
    ...problemsBetweenKeys(settings, production),
  ];
  if (parsed.data === undefined || problems.length > 0) throw new MessagingConfigurationError(problems);
  const hasLeftovers = sources.exists(fallbackDirectory(parsed.data.dataDir));
  return deepFreeze(complete(parsed.data, production, hasLeftovers));
}

function machineSources(): ConfigSources {
  return { env: process.env, cwd: process.cwd(), readFile: readSmallFile, exists: fs.existsSync };
}

function readSmallFile(file: string): string {
  if (fs.statSync(file).size > MAX_FILE_BYTES) throw Object.assign(new Error('Too large'), { code: 'EFBIG' });
  return fs.readFileSync(file, 'utf8');
}

function addFile(settings: Settings, env: Environment, readFile: ReadFile): void {
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
