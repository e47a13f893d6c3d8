import * as fs from 'node:fs';
import * as path from 'node:path';

import { temporaryDirectory } from '../../test/support/temporary-directory.js';
import { loadSettings, messagingConfig } from './load-settings.js';

const directory = temporaryDirectory();
const cwd = directory.path;
afterAll(() => directory.remove());

function write(name: string, text: string): string {
  const file = path.join(cwd, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

const problemsOf = (options: object): Promise<readonly string[]> =>
  loadSettings({ cwd, env: {}, files: [], ...options }).then(
    () => [],
    (error: unknown) => (error as { readonly problems: readonly string[] }).problems,
  );

describe('loadSettings', () => {
  it('reads code, files and the environment, in rising precedence and key by key', async () => {
    write(
      'one.yaml',
      'maxInFlight: 2\ntransports: { a: { kind: memory, maxBytes: 2MiB } }\nlimits: { maxHeaders: 2 }',
    );
    write('two.yaml', 'drainTimeoutMs: 3s\ntransports: { a: { maxMessages: 3 } }');
    const settings = await loadSettings({
      cwd,
      settings: {
        service: 'shop',
        maxInFlight: 1,
        drainTimeoutMs: '1s',
        publishDeadlineMs: '1s',
        transports: { a: { kind: 'memory', maxMessages: 1, maxMessageBytes: '1KiB' } },
        limits: { maxHeaders: 1, maxHeaderBytes: 1 },
      },
      files: ['one.yaml', 'two.yaml'],
      env: {
        SHOP_PUBLISH_DEADLINE_MS: '4s',
        SHOP_TRANSPORTS__A__MAX_MESSAGES: '4',
        SWITCHYARD_MAX_IN_FLIGHT: '9',
      },
      prefix: 'SHOP_',
    });
    expect(settings).toMatchObject({
      service: 'shop',
      maxInFlight: 2,
      drainTimeoutMs: 3_000,
      publishDeadlineMs: 4_000,
    });
    expect(settings.transports).toEqual({
      a: { kind: 'memory', maxMessages: 4, maxBytes: 2 * 2 ** 20, maxMessageBytes: 1_024 },
    });
    expect(settings.limits).toMatchObject({ maxHeaders: 2, maxHeaderBytes: 1 });
  });

  it('replaces a transport of code by one of another kind', async () => {
    write('other.yaml', 'transports: { a: { kind: embedded } }');
    const { transports } = await loadSettings({
      cwd,
      settings: { service: 'shop', transports: { a: { kind: 'redis', url: 'redis://here' } } },
      files: ['other.yaml'],
      env: {},
    });
    expect(transports['a']).toMatchObject({
      kind: 'embedded',
      directory: path.join(cwd, 'data/transports/a'),
    });
  });

  it('reads secrets from the files that variables name', async () => {
    const file = write('secret', 'redis://:hidden@here\n');
    const { transports } = await loadSettings({
      cwd,
      settings: { service: 'shop' },
      files: [],
      env: {
        SWITCHYARD_TRANSPORTS: '{ local: { kind: redis } }',
        SWITCHYARD_TRANSPORTS__LOCAL__URL_FILE: file,
      },
    });
    expect(transports['local']).toMatchObject({ url: 'redis://:hidden@here' });
  });

  it('keeps functions that make transports and stores', async () => {
    const transport = (): never => {
      throw new Error('It is not called here.');
    };
    const settings = await loadSettings({
      cwd,
      settings: { service: 'shop', transports: { own: transport }, deadLetters: { store: transport } },
      files: [],
      env: {},
    });
    expect(settings.transports['own']).toBe(transport);
    expect(settings.deadLetters.store).toBe(transport);
    expect(settings.routes).toEqual([{ match: '**', transport: 'own' }]);
  });

  it('returns what it accepts', async () => {
    const first = await loadSettings({
      cwd,
      settings: { service: 'shop', fallback: 'memory' },
      files: [],
      env: {},
    });
    expect(await loadSettings({ cwd, settings: first, files: [], env: {} })).toEqual(first);
  });

  it('reports mistakes of all sources together', async () => {
    write('wrong.yaml', 'maxInFlight: 0\nsql: {}');
    const problems = await problemsOf({
      settings: { service: 'a b', transports: { a: { kind: 'memory', maxBytes: 0 } } },
      files: ['wrong.yaml', 'missing.yaml'],
      env: { SWITCHYARD_CONNECT: 'maybe', SWITCHYARD_MAX: '1' },
    });
    expect(problems).toEqual(
      [
        'missing.yaml cannot be read (ENOENT).',
        'SWITCHYARD_MAX (environment) is not a known variable.',
        'service is not valid (value not shown). Allowed: ',
        'transports.a.maxBytes is 0. Allowed: ',
        'connect (SWITCHYARD_CONNECT) is "maybe". Allowed: ',
        'maxInFlight (wrong.yaml line 1) is 0. Allowed: ',
        'sql (wrong.yaml line 2) is reserved for a later version',
      ].map((start): unknown => expect.stringContaining(start)),
    );
  });

  it('has no unknown options', async () => {
    expect(await problemsOf({ file: 'a.yaml', service: 'shop' })).toEqual([
      'loadSettings has no option "file". Did you mean "files"? Settings in code belong into "settings".',
      expect.stringContaining('loadSettings has no option "service".'),
    ]);
  });

  it('is a factory for ConfigModule', async () => {
    const options = { cwd, settings: { service: 'shop' }, files: [], env: {} };
    expect(await messagingConfig(options)()).toMatchObject({ messaging: { service: 'shop' } });
    expect(await messagingConfig({ ...options, key: 'bus' })()).toMatchObject({ bus: { service: 'shop' } });
  });
});
