import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { eventually } from './demonstration.js';

const open: INestApplication[] = [];

/** A listening application of `examples/`. Its module is imported when the variables are set that it reads. */
export async function bootExample(
  load: () => Promise<Type>,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ app: INestApplication; url: string }> {
  Object.assign(process.env, variables);
  const app = await NestFactory.create(await load(), { logger: false, abortOnError: false });
  open.push(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

/** Places an order over HTTP and waits until it is charged. */
export async function placeOrder(
  url: string,
  { handledAt = url, headers = {} }: { handledAt?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<{ status: string; transport?: string }> {
  const response = await fetch(`${url}/orders/o-1`, { method: 'POST', headers });
  const receipt = (await response.json()) as { status: string; transport?: string };
  await eventually(async () => {
    const charged = (await (await fetch(`${handledAt}/orders`, { headers })).json()) as string[];
    return charged.includes('o-1') || undefined;
  });
  return receipt;
}

/** For `afterEach`. */
export async function closeExamples(): Promise<void> {
  for (const app of open.splice(0)) await app.close();
}
