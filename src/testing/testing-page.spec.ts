import * as fs from 'node:fs';
import * as common from '@nestjs/common';
import * as nestTesting from '@nestjs/testing';
import { blocksOf, runBlock } from '../../test/support/page-blocks.js';
import * as switchyardTesting from '../exports/testing.js';
import * as switchyard from '../index.js';

const MODULES: Readonly<Record<string, unknown>> = {
  switchyard,
  'switchyard/testing': switchyardTesting,
  '@nestjs/common': common,
  '@nestjs/testing': nestTesting,
};

const blocks = blocksOf(fs.readFileSync('docs/using/testing.md', 'utf8'));

it('has blocks to run', () => {
  expect(blocks.map(([file]) => file)).toEqual(['orders.spec.ts', 'outage.spec.ts', 'units.spec.ts']);
});

describe.each(blocks)('%s', (_, code) => {
  runBlock(code, MODULES);
});
