import * as fs from 'node:fs';

import { loadYamlReader, type ReadYaml } from './yaml-source.js';

/** Variables and their values. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a small text file; throws an error with a `code` when it cannot, `ENOENT` when there is none. */
type ReadFile = (path: string) => string;

/** The sources of settings; a parameter, so that tests can choose them. */
export interface SettingsSources {
  /** Settings given in code, below all others. */
  readonly code?: object;
  /** Files that must exist; without them `config/switchyard.yaml`, if it exists, or the one that a variable names. */
  readonly files?: readonly string[] | undefined;
  /** How the variables of settings begin. */
  readonly prefix?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  readonly readFile: ReadFile;
  readonly readYaml: ReadYaml;
  readonly exists: (file: string) => boolean;
}

const MAX_FILE_BYTES = 2 ** 20;

/** Environment, working directory and files of this process. */
export async function machineSources(): Promise<SettingsSources> {
  return {
    env: process.env,
    cwd: process.cwd(),
    readFile: readSmallFile,
    readYaml: await loadYamlReader(),
    exists: fs.existsSync,
  };
}

/** Nothing but what code gives: no file, and of the environment only what decides about production. */
export function codeSources(code: object): SettingsSources {
  const { NODE_ENV, NODE_TLS_REJECT_UNAUTHORIZED } = process.env;
  return {
    code,
    files: [],
    env: { NODE_ENV, NODE_TLS_REJECT_UNAUTHORIZED },
    cwd: process.cwd(),
    readFile: readSmallFile,
    readYaml: () => ({ value: undefined, lines: new Map(), problems: [] }),
    exists: fs.existsSync,
  };
}

function readSmallFile(file: string): string {
  if (fs.statSync(file).size > MAX_FILE_BYTES) throw Object.assign(new Error('Too large'), { code: 'EFBIG' });
  return fs.readFileSync(file, 'utf8');
}
