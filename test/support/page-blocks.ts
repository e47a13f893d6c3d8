import { createRequire } from 'node:module';
import { transformSync } from '@swc/core';

const load = createRequire(`${process.cwd()}/package.json`) as (name: string) => unknown;

/** The blocks of a page that name a file, as names and code. */
export function blocksOf(page: string): readonly (readonly [file: string, code: string])[] {
  return [...page.matchAll(/^```ts\n\/\/ ([\w.]+)\n([\s\S]*?)^```$/gm)].map(
    ([, file = '', code = '']) => [file, code] as const,
  );
}

/**
 * Runs a block and returns what it exports.
 *
 * @param modules what it imports, as the modules of this run: decorators and Nest must see the same classes.
 */
export function runBlock(code: string, modules: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { code: script } = transformSync(code, {
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
    },
    module: { type: 'commonjs' },
  });
  const exported: Record<string, unknown> = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code of the page
  const run = new Function('require', 'exports', script) as (...args: unknown[]) => void;
  run((name: string): unknown => modules[name] ?? load(name), exported);
  return exported;
}
