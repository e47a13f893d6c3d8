import * as fs from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../test/support/temporary-directory.js';
import { demonstrationKey, openDataDirectory } from './admin-key.js';
import { welcomeText } from './welcome.js';

const RIGHT = 'abcdefghijklmnopqrstuvwx\n';
let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'admin-key');
});
afterEach(() => directory.remove());

describe('the key of the demonstration', () => {
  it('is made once, for its owner only', () => {
    const made = demonstrationKey(directory.path);
    expect(demonstrationKey(directory.path)).toEqual(made);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each<[string, () => void]>([
    [
      'is a link',
      () => {
        fs.writeFileSync(`${file}.other`, RIGHT, { mode: 0o600 });
        fs.symlinkSync(`${file}.other`, file);
      },
    ],
    ['is a link', () => fs.symlinkSync('nowhere', file)],
    ['can be read or written by other users', () => fs.writeFileSync(file, RIGHT, { mode: 0o640 })],
    ['holds no key', () => fs.writeFileSync(file, 'short\n', { mode: 0o600 })],
    ['holds no key', () => fs.writeFileSync(file, Buffer.alloc(64, 0xff), { mode: 0o600 })],
    ['holds no key', () => fs.writeFileSync(file, '', { mode: 0o600 })],
    ['is no file', () => fs.mkdirSync(file)],
  ])('is not taken from a file that %s', (flaw, plant) => {
    plant();
    expect(() => demonstrationKey(directory.path)).toThrow(`${file} ${flaw}`);
  });

  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('is not taken from a file of another user', () => {
    fs.writeFileSync(file, RIGHT, { mode: 0o600 });
    fs.chownSync(file, 65_534, 65_534);
    expect(() => demonstrationKey(directory.path)).toThrow('belongs to the user 65534');
  });

  it('is not shown where it would be kept', () => {
    const facts = { url: 'http://127.0.0.1:1', dataDir: 'data', transports: ['local'] };
    const { key } = demonstrationKey(directory.path);
    expect(welcomeText({ ...facts, adminKey: key })).toContain(`x-api-key: ${key}`);
    expect(welcomeText({ ...facts, adminKey: { file } })).toContain(`x-api-key: $(cat ${file})`);
  });
});

describe('the data directory', () => {
  it('is made for its owner only', () => {
    const made = join(directory.path, 'a', 'b');
    openDataDirectory(made);
    expect(fs.statSync(made).mode & 0o777).toBe(0o700);
  });

  it('is refused when every user may write to it', () => {
    fs.chmodSync(directory.path, 0o1777);
    expect(() => openDataDirectory(directory.path)).toThrow('Every user may write to the data directory');
    fs.chmodSync(directory.path, 0o755);
    expect(() => openDataDirectory(directory.path)).not.toThrow();
  });
});
