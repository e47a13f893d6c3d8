import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { installedVersion, isInRange } from './installed-version.js';
import { loadClient, type OptionalClient } from './load-client.js';

it.each([
  ['5.4.0', false],
  ['5.4.1', true],
  ['5.11.0', true],
  ['6.0.0', true],
  ['6.1.2-rc.1', true],
  ['7.0.0', false],
  ['4.28.5', false],
  ['latest', false],
])('%s in ^5.4.1 || ^6.0.0: %s', (version, expected) => {
  expect(isInRange(version, '^5.4.1 || ^6.0.0')).toBe(expected);
});

it.each([
  ['0.10.8', '^0.10.9', false],
  ['0.10.9', '^0.10.9', true],
  ['0.11.0', '^0.10.9', false],
  ['1.10.9', '^0.10.9', false],
  ['0.0.3', '^0.0.3', true],
  ['0.0.4', '^0.0.3', false],
  ['0.13.9', '>=0.14.0', false],
  ['3.0.0', '>=0.14.0', true],
])('%s in %s: %s', (version, range, expected) => {
  expect(isInRange(version, range)).toBe(expected);
});

it('does not take a range for one that it cannot read', () => {
  expect(() => isInRange('1.0.0', '~latest')).toThrow('The range ~latest has a form that is not known here.');
});

describe('the version of a package', () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-version-'));
  afterAll(() => fs.rmSync(root, { recursive: true }));
  const install = (place: string, manifest: string): void => {
    const folder = path.join(root, place, 'node_modules', 'client');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), manifest);
  };
  const from = path.join(root, 'app/node_modules/switchyard/dist/file.js');

  it('is that of the nearest folder above, as for an import', () => {
    expect(installedVersion('client', from)).toBeUndefined();
    install('.', '{ "version": "1.0.0" }');
    expect(installedVersion('client', from)).toBe('1.0.0');
    install('app', '{ "version": "2.0.0" }');
    expect(installedVersion('client', from)).toBe('2.0.0');
    install('app', 'damaged');
    expect(installedVersion('client', from)).toBe('1.0.0');
  });

  it('is found from this package when nothing else is said', () => {
    const { version } = jest.requireActual<{ readonly version: string }>('rxjs/package.json');
    expect(installedVersion('rxjs')).toBe(version);
  });

  const client = (version: string | undefined): OptionalClient<object> => ({
    usedBy: 'Redis needs',
    name: 'ioredis',
    range: '^5.4.1 || ^6.0.0',
    install: 'ioredis@6',
    load: () => Promise.resolve({ loaded: true }),
    isSupported: () => true,
    versionOf: () => version,
  });

  it('decides whether the package is loaded', async () => {
    await expect(loadClient(client('4.28.5'))).rejects.toMatchObject({
      code: 'DEPENDENCY_UNUSABLE',
      message:
        'Redis needs the package "ioredis" (^5.4.1 || ^6.0.0), but version 4.28.5 is installed. Install a supported one: npm install ioredis@6',
    });
    await expect(loadClient(client('5.4.1'))).resolves.toEqual({ loaded: true });
    await expect(loadClient(client(undefined))).resolves.toEqual({ loaded: true });
  });
});
