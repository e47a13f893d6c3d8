import { inspect } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { type AppConfig, configSchema } from '../../src/app.config.js';
import { AppModule } from '../../src/app.module.js';
import { shapeOf } from '../../src/config/shape.js';
import { load } from '../support/load-config.js';
import {
  PLANTED,
  type Place,
  placesIn,
  SECRET,
  settingsWith,
  showsSecret,
} from '../support/planted-secrets.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const KEY = 'key-of-the-operator';
/** Which places are tried: `npm test` tries those of one kind of transport. */
const PLACES = placesIn(shapeOf(configSchema));
/** What is valid at the keys that hold secrets, beside what is wrong at every key. */
const VALID: readonly unknown[] = [
  `redis://ana:${SECRET}@127.0.0.1:1/3`,
  `rediss://:${SECRET}@127.0.0.1:1`,
  `amqp://ana:${SECRET}@127.0.0.1:1/shop`,
];

/** Applications that were started. */
let booted = 0;

/** Everything that the process prints while `run` does its work, and what that returns. */
async function printed(run: () => Promise<string>): Promise<string> {
  const texts: string[] = [];
  const streams = [process.stdout, process.stderr];
  const spies = streams.map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((text) => texts.push(String(text)) > 0),
  );
  const consoles = (['log', 'warn', 'error', 'info', 'debug'] as const).map((method) =>
    jest.spyOn(console, method).mockImplementation((...all: unknown[]) => void texts.push(inspect(all))),
  );
  try {
    texts.push(await run());
  } finally {
    for (const spy of [...spies, ...consoles]) spy.mockRestore();
  }
  return texts.join('\n');
}

/** Starts the demonstration with these settings, looks at all that it serves, and stops it. */
async function bootAndLook(config: AppConfig): Promise<string> {
  const app = await NestFactory.create(AppModule.forRoot(config), { abortOnError: false });
  try {
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const headers = { authorization: `Bearer ${KEY}` };
    const pages = [
      'health',
      'health/ready',
      'metrics',
      'messaging/api/v1/transports',
      'messaging/api/v1/groups',
    ];
    const bodies = await Promise.all(
      pages.map(async (page) => (await fetch(`${url}/${page}`, { headers })).text()),
    );
    return bodies.join('\n');
  } finally {
    await app.close();
  }
}

async function look(settings: Record<string, unknown>): Promise<string> {
  try {
    return await bootAndLook(load({ file: JSON.stringify(settings) }));
  } catch (error) {
    return [(error as Error).message, (error as Error).stack, inspect(error, { depth: 9 })].join('\n');
  }
}

/** What shows a secret at this place. */
async function shownAt(place: Place, dataDir: string): Promise<string[]> {
  const shown: string[] = [];
  for (const value of [...PLANTED, ...VALID]) {
    const settings: Record<string, unknown> = { ...settingsWith(place, value) };
    settings['dataDir'] ??= dataDir;
    settings['admin'] ??= { apiKeys: [{ name: 'ana', key: KEY }] };
    // A text is right in place of a name, and is then one: nothing about it is a secret.
    if (place.shape.secret !== true && isAccepted(settings)) continue;
    for (const connect of isAccepted(settings) ? ['background', 'required'] : ['background']) {
      if (isAccepted(settings)) booted += 1;
      const text = await printed(() =>
        look({ ...settings, ...(place.path[0] !== 'connect' && { connect }) }),
      );
      if (showsSecret(text))
        shown.push(`${place.path.join('.')} = ${JSON.stringify(value)}: ${aroundSecret(text)}`);
    }
  }
  return shown;
}

function isAccepted(settings: Record<string, unknown>): boolean {
  try {
    load({ file: JSON.stringify(settings) });
    return true;
  } catch {
    return false;
  }
}

function aroundSecret(text: string): string {
  const at = Math.max(0, text.indexOf(SECRET));
  return text.slice(Math.max(0, at - 200), at + 100);
}

const KINDS = [undefined, ...new Set(PLACES.flatMap(({ kind }) => (kind === undefined ? [] : [kind])))];

it.each(KINDS.map((kind) => [kind ?? 'the application', kind] as const))(
  'a secret at any key of %s is shown in no error, log, metric, health or answer',
  async (_, kind) => {
    const dataDir = temporaryDirectory();
    const places = PLACES.filter((one) => one.kind === kind);
    const before = booted;
    const shown: string[] = [];
    for (const place of places) shown.push(...(await shownAt(place, dataDir.path)));
    dataDir.remove();
    expect(shown).toEqual([]);
    expect(booted > before).toBe(places.some(({ shape }) => shape.secret === true));
  },
  600_000,
);
