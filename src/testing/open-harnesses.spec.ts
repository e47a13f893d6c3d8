import { spawnSync } from 'node:child_process';

/** Runs a program whose application has a handler and a harness, and does `end` at last. */
function run(end: string): { readonly code: number | null; readonly printed: string } {
  const program = `
    import 'reflect-metadata';
    import { Injectable, Module } from '@nestjs/common';
    import { NestFactory } from '@nestjs/core';
    import { z } from 'zod';
    import { defineMessage, MessageHandler } from './src/index.js';
    import { SwitchyardTestingModule } from './src/exports/testing.js';
    const Ping = defineMessage('ping', z.object({}));
    class Pings { on() {} }
    MessageHandler(Ping)(Pings.prototype, 'on', Object.getOwnPropertyDescriptor(Pings.prototype, 'on'));
    Injectable()(Pings);
    class App {}
    Module({ imports: [SwitchyardTestingModule.forTest()], providers: [Pings] })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    ${end}
  `;
  // Node 26 says on the same stream that the loader of this run uses what is deprecated.
  const args = [
    '--no-deprecation',
    '--import',
    '@swc-node/register/esm-register',
    '--input-type=module',
    '--eval',
    program,
  ];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
  return { code: status, printed: stderr };
}

describe('a harness that is never closed', () => {
  it('lets the process end, which says what to do and where the module was made', () => {
    const { code, printed } = run('');
    expect(code).toBe(0);
    expect(printed).toMatch(
      /^An application with SwitchyardTestingModule was never closed\. Call `await app\.close\(\)` .* made at file:\S+:\d+:\d+\.\n$/,
    );
  });

  it('is not complained about once it is closed', () => {
    expect(run('await app.close();')).toEqual({ code: 0, printed: '' });
  });
});
