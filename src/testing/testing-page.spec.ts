import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { transformSync } from '@swc/core';
import * as common from '@nestjs/common';
import * as nestTesting from '@nestjs/testing';
import * as switchyardTesting from '../exports/testing.js';
import * as switchyard from '../index.js';

/** What the page imports, as the modules of this run: decorators and Nest must see the same classes. */
const MODULES: Readonly<Record<string, unknown>> = {
  switchyard,
  'switchyard/testing': switchyardTesting,
  '@nestjs/common': common,
  '@nestjs/testing': nestTesting,
};

const load = createRequire(`${process.cwd()}/package.json`) as (name: string) => unknown;
const page = fs.readFileSync('docs/using/testing.md', 'utf8');
const blocks = [...page.matchAll(/^```ts\n\/\/ ([\w.]+)\n([\s\S]*?)^```$/gm)];

/** Registers the tests of a block in this run. */
function register(code: string): void {
  const { code: script } = transformSync(code, {
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
    },
    module: { type: 'commonjs' },
  });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code of the page
  const run = new Function('require', 'exports', script) as (...args: unknown[]) => void;
  run((name: string): unknown => MODULES[name] ?? load(name), {});
}

it('has blocks to run', () => {
  expect(blocks.map(([, file]) => file)).toEqual(['orders.spec.ts', 'outage.spec.ts', 'units.spec.ts']);
});

describe.each(blocks.map(([, file = '', code = '']) => [file, code] as const))('%s', (_, code) => {
  register(code);
});
