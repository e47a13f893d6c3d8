import * as fs from 'node:fs';
import * as common from '@nestjs/common';
import type { INestApplication, Type } from '@nestjs/common';
import * as core from '@nestjs/core';
import * as microservices from '@nestjs/microservices';
import * as switchyard from 'switchyard';
import * as bridge from 'switchyard/microservices';
import { eventually } from '../support/demonstration.js';
import { blocksOf, runBlock } from '../support/page-blocks.js';

const MODULES = {
  switchyard,
  'switchyard/microservices': bridge,
  '@nestjs/common': common,
  '@nestjs/core': core,
  '@nestjs/microservices': microservices,
};

it('the application of docs/using/nest-microservices.md handles what it emits', async () => {
  const [[, code] = ['', '']] = blocksOf(fs.readFileSync('docs/using/nest-microservices.md', 'utf8'));
  process.env['PORT'] = '0';
  const { start, Billing, Orders } = runBlock(code, MODULES) as {
    readonly start: () => Promise<INestApplication>;
    readonly Billing: Type<{ readonly charged: readonly string[] }>;
    readonly Orders: Type<{ place(id: string): void }>;
  };
  common.Logger.overrideLogger(false);
  const app = await start();
  app.get(Orders).place('o-1');
  await eventually(() => app.get(Billing).charged.includes('o-1') || undefined);
  await app.close();
});
