import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';

import { packInto } from '../../scripts/packed-files.mjs';

export interface PackageManifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export const manifest = JSON.parse(fs.readFileSync('package.json', 'utf8')) as PackageManifest;

/** Unpacks what `npm pack` packs into `node_modules` of a directory, with its dependencies. Needs a build. */
export function unpackPackage(directory: string): string {
  const home = path.join(directory, 'node_modules', manifest.name);
  const { file } = packInto(process.cwd(), directory);
  fs.mkdirSync(home, { recursive: true });
  execFileSync('tar', ['-xzf', file, '-C', home, '--strip-components=1']);
  for (const name of Object.keys(manifest.dependencies)) linkPackage(directory, name);
  return home;
}

/** Installs a package that this project has: as a link, so that what the package itself needs is found where it is. */
export function linkPackage(directory: string, name: string): void {
  const link = path.join(directory, 'node_modules', name);
  fs.mkdirSync(path.dirname(link), { recursive: true });
  if (!fs.existsSync(link)) fs.symlinkSync(path.resolve('node_modules', name), link);
}
