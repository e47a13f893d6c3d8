import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedDatabase } from './embedded-database.js';
import { EMBEDDED_FORMAT } from './embedded-format.js';
import { encodeFormat, FORMAT_KEY, FORMAT_TABLE } from './format-record.js';
import { loadLmdb } from './lmdb-client.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-preflight-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(directory: string, tables: readonly string[] = ['due']): Promise<EmbeddedDatabase> {
  return EmbeddedDatabase.open({ directory, tables, maxBytes: 1e9, onSuspect: () => undefined });
}

async function made(directory = join(folder, 'data')): Promise<string> {
  const database = await open(directory);
  await database.commit({ write: () => database.table('due').put(Buffer.from('k'), Buffer.from('v')) });
  await database.close();
  return directory;
}

const filesOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString('base64')]),
  );

describe('the directory of an embedded database', () => {
  it('is refused when a record has the flags of a table, which lmdb would not read', async () => {
    const directory = await made();
    const path = join(directory, 'data.mdb');
    const bytes = readFileSync(path);
    // Of a record: flags (2), length of the key (2), key.
    const node = Buffer.from('000001006b', 'hex');
    let turned = 0;
    for (let at = bytes.indexOf(node); at >= 0; at = bytes.indexOf(node, at + 1)) {
      bytes[at]! ^= 2;
      turned += 1;
    }
    expect(turned).toBeGreaterThan(0);
    writeFileSync(path, bytes);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'FILE_CORRUPT',
      message: expect.stringMatching(/record of page \d+ in table due has wrong flags\. It was not opened/),
    });
  });

  it.each([
    ['its magic number', 24, 'magic number'],
    ['its version', 28, 'version'],
    ['its page size', 48, 'page size'],
    ['the root of its tables', 136, 'main tree'],
    ['its last page', 148, 'last page'],
    ['its transaction', 153, 'transaction'],
  ])('is refused with what to do, and not changed, when %s is damaged', async (_, at, what) => {
    const directory = await made();
    const path = join(directory, 'data.mdb');
    const bytes = readFileSync(path);
    for (const meta of [0, 4_096]) bytes[meta + at]! ^= 0xff;
    writeFileSync(path, bytes);
    const before = filesOf(directory);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'FILE_CORRUPT',
      message: expect.stringMatching(new RegExp(`${what}.*npx switchyard embedded salvage`)),
    });
    expect(filesOf(directory)).toEqual(before);
  });

  it('is refused when the file was cut off', async () => {
    const directory = await made();
    const path = join(directory, 'data.mdb');
    writeFileSync(path, readFileSync(path).subarray(0, 3 * 4_096));
    await expect(open(directory)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });

  it('of a later format is refused with both numbers, and not changed', async () => {
    const directory = await made();
    const later = EMBEDDED_FORMAT + 1;
    const database = await open(directory, [FORMAT_TABLE]);
    const record = encodeFormat({ format: later, since: later });
    await database.commit({ write: () => database.rawTable(FORMAT_TABLE).put(FORMAT_KEY, record) });
    await database.close();
    const before = filesOf(directory);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'FORMAT_UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`format ${later}.*up to ${EMBEDDED_FORMAT}`)),
    });
    expect(filesOf(directory)).toEqual(before);
  });

  it.each(['data.mdb', 'data.mdb-lock', 'hand-out.0'])(
    'is refused when %s is a symbolic link',
    async (name) => {
      const directory = await made();
      const target = join(folder, 'target');
      writeFileSync(target, 'precious');
      rmSync(join(directory, name), { force: true });
      symlinkSync(target, join(directory, name));
      await expect(open(directory)).rejects.toThrow(`${name} in it is a symbolic link`);
      expect(readFileSync(target, 'utf8')).toBe('precious');
    },
  );

  it('names a file that is in its way, and a link that leads nowhere', async () => {
    writeFileSync(join(folder, 'file'), '');
    const inTheWay = expect.stringMatching(/E(NOTDIR|EXIST): .*file is a file, not a directory/);
    await expect(open(join(folder, 'file'))).rejects.toMatchObject({ message: inTheWay });
    await expect(open(join(folder, 'file', 'below'))).rejects.toMatchObject({ message: inTheWay });
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    const dangling = expect.stringMatching(/symbolic link to .*nowhere, which does not exist/);
    await expect(open(join(folder, 'link'))).rejects.toMatchObject({ message: dangling });
    await expect(open(join(folder, 'link', 'below'))).rejects.toMatchObject({ message: dangling });
  });

  it('is opened again after it was moved', async () => {
    const directory = await made();
    mkdirSync(join(folder, 'new'));
    renameSync(directory, join(folder, 'new', 'data'));
    const database = await open(join(folder, 'new', 'data'));
    expect(database.table('due').read(Buffer.from('k'))).toEqual({
      value: Buffer.from('v'),
      isCorrupt: false,
    });
    await database.close();
  });
});

describe('lmdb', () => {
  const failing = (code: string, message: string) => (): Promise<unknown> =>
    Promise.reject(Object.assign(new Error(message), { code }));

  it('is asked for only when it is missing', async () => {
    await expect(
      loadLmdb(failing('ERR_MODULE_NOT_FOUND', "Cannot find package 'lmdb' imported from /app/x.js")),
    ).rejects.toMatchObject({
      code: 'DEPENDENCY_MISSING',
      message: expect.stringContaining('npm install lmdb'),
    });
    const message = 'No native build was found for platform=linux arch=x64\n  at load';
    const error = loadLmdb(failing('MODULE_NOT_FOUND', message));
    await expect(error).rejects.toMatchObject({
      code: 'DEPENDENCY_UNUSABLE',
      message: expect.stringContaining('No native build was found for platform=linux arch=x64'),
    });
    await expect(error).rejects.not.toMatchObject({ message: expect.stringContaining('npm install') });
  });
});
