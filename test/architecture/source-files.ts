import * as fs from 'node:fs';
import * as path from 'node:path';

/** A TypeScript file of the project, as the architecture specs look at it. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
  readonly lines: number;
}

/** The TypeScript files below a directory of the project that people write, specs left out. */
export function sourceFiles(directory: string): readonly SourceFile[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.(spec|generated)\.ts$/.test(name))
    .map((name) => {
      const full = path.join(directory, name);
      const text = fs.readFileSync(full, 'utf8');
      return { name: full, text, lines: text.trimEnd().split('\n').length };
    });
}
