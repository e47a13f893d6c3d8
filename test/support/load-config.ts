import * as path from 'node:path';

import * as yaml from 'yaml';

import { type AppConfig, appConfig } from '../../src/app.config.js';
import { readSettings } from '../../src/config/read-settings.js';
import type { SettingsSources } from '../../src/config/sources.js';
import { yamlReader } from '../../src/config/yaml-source.js';
import { MessagingConfigurationError } from '../../src/core/messaging/ports/errors.js';

/** Where the configuration is read; nothing of it exists. */
export const CWD = path.resolve('/srv/shop');

/** The sources of one configuration. */
export interface Given {
  readonly env?: Record<string, string>;
  /** Text of config/switchyard.yaml. */
  readonly file?: string;
  /** Further files by absolute path. */
  readonly files?: Record<string, string>;
  /** Directories that exist. */
  readonly directories?: readonly string[];
}

/** Loads a configuration from nothing but what is given. */
export function load(given: Given): AppConfig {
  const { schema, settings, variables } = appConfig;
  return readSettings(schema, { ...sourcesOf(given), code: settings }, variables);
}

/** Sources that hold nothing but what is given. */
export function sourcesOf({ env = {}, file, files = {}, directories = [] }: Given): SettingsSources {
  const all: Record<string, string | undefined> = {
    [path.join(CWD, 'config/switchyard.yaml')]: file,
    ...files,
  };
  return {
    env,
    cwd: CWD,
    readFile: (name) => {
      const text = all[name];
      if (text === undefined) throw Object.assign(new Error(`no ${name}`), { code: 'ENOENT' });
      return text;
    },
    readYaml: yamlReader(yaml),
    exists: (name) => directories.includes(name),
  };
}

/** The mistakes in a configuration; none when it loads. */
export function problemsOf(given: Given): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof MessagingConfigurationError) return error.problems;
    throw error;
  }
  return [];
}
