import 'reflect-metadata';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';

import {
  defineMessage,
  embeddedBackends,
  memoryBackends,
  MESSAGING_VIEW,
  MessagingModule,
  MessagingService,
  type MessagingView,
} from '../../index.js';

const Ping = defineMessage('ping', z.object({}));

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'backends-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

async function start(module: Type): Promise<{
  readonly messaging: MessagingService;
  readonly view: MessagingView;
  readonly close: () => Promise<void>;
}> {
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  return {
    messaging: app.get(MessagingService),
    view: app.get<MessagingView>(MESSAGING_VIEW),
    close: () => app.close(),
  };
}

describe.each([
  ['memory', () => memoryBackends()],
  ['embedded', () => embeddedBackends(directory)],
] as const)('%s backends in static options', (_kind, backends) => {
  it('serve one start after the other', async () => {
    @Module({ imports: [MessagingModule.forRoot({ service: 's', ...backends() })] })
    class App {}
    for (let nth = 1; nth <= 3; nth++) {
      const app = await start(App);
      await expect(app.messaging.publish(Ping, {})).resolves.toMatchObject({ status: 'accepted' });
      await app.close();
    }
  });
});

it('serve two applications at a time, of which one closes', async () => {
  @Module({ imports: [MessagingModule.forRoot({ service: 's', ...memoryBackends() })] })
  class App {}
  const [first, second] = [await start(App), await start(App)];
  await first.close();
  await expect(second.messaging.publish(Ping, {})).resolves.toMatchObject({ status: 'accepted' });
  await second.close();
});

it('leave to the application what it has put in their place', async () => {
  const { transports } = memoryBackends();
  @Module({ imports: [MessagingModule.forRoot({ service: 's', ...memoryBackends(), transports })] })
  class App {}
  const app = await start(App);
  expect(app.view.transports()).toEqual(transports);
  await app.close();
  await expect(start(App)).rejects.toThrow(/closed/);
});
