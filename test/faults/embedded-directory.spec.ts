import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { newFolder, newTransport, startChild, until } from './embedded-process.js';

describe('the directory of an embedded transport', () => {
  const folder = newFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('belongs to one process: a second gets an error that names the owner, and the directory once that one is killed', async () => {
    const directory = join(folder, 'one');
    const child = startChild({ directory, role: 'hold' });
    await until(() => child.lines().includes('ready'));
    const { pid } = JSON.parse(readFileSync(join(directory, 'switchyard.lock'), 'utf8'));
    const second = newTransport(directory);
    await expect(second.connect()).rejects.toMatchObject({
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining(`process ${pid}`),
    });
    await child.kill();
    const startedAt = performance.now();
    await second.connect();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await second.close();
  });

  it('is refused to a second transport of the same process', async () => {
    const directory = join(folder, 'same');
    const first = newTransport(directory);
    await first.connect();
    await expect(newTransport(directory).connect()).rejects.toMatchObject({
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining('itself'),
    });
    await first.close();
    const third = newTransport(directory);
    await third.connect();
    await third.close();
  });

  it('is taken over when the pid of its dead holder is in use again', async () => {
    const directory = join(folder, 'reused');
    const first = newTransport(directory);
    await first.connect();
    const lock = JSON.parse(readFileSync(join(directory, 'switchyard.lock'), 'utf8'));
    await first.close();
    writeFileSync(
      join(directory, 'switchyard.lock'),
      JSON.stringify({ ...lock, startedAt: '1', token: 'old' }),
    );
    const second = newTransport(directory);
    await second.connect();
    await second.close();
  });

  it('is taken over from a process of another container only when that has not been heard of for a while', async () => {
    const directory = join(folder, 'container');
    mkdirSync(directory, { mode: 0o700 });
    const path = join(directory, 'switchyard.lock');
    const other = { pid: 7, startedAt: '1', bootId: 'another', pidNamespace: 'another', token: 'other' };
    writeFileSync(path, JSON.stringify(other));
    const touch = setInterval(() => utimesSync(path, new Date(), new Date()), 100);
    try {
      await expect(newTransport(directory).connect()).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
    } finally {
      clearInterval(touch);
    }
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(path, longAgo, longAgo);
    const second = newTransport(directory);
    await second.connect();
    await second.close();
  });

  it('is not taken over from a process of another container whose clock is an hour behind', async () => {
    const directory = join(folder, 'behind');
    mkdirSync(directory, { mode: 0o700 });
    const path = join(directory, 'switchyard.lock');
    const other = { pid: 7, startedAt: '1', bootId: 'another', pidNamespace: 'another', token: 'other' };
    writeFileSync(path, JSON.stringify(other));
    const heartbeat = (): void => {
      const behind = new Date(Date.now() - 3_600_000);
      utimesSync(path, behind, behind);
    };
    heartbeat();
    const touch = setInterval(heartbeat, 2_000);
    try {
      await expect(newTransport(directory).connect()).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
    } finally {
      clearInterval(touch);
    }
  });

  it('can be read by its owner only, whatever the umask', async () => {
    const directory = join(folder, 'umask');
    const child = startChild({ directory, role: 'hold', umask: 0 });
    await until(() => child.lines().includes('ready'));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(directory))
      expect([file, statSync(join(directory, file)).mode & 0o777]).toEqual([file, 0o600]);
    await child.kill();
  });

  it('is refused when it is a symbolic link', async () => {
    const target = join(folder, 'target');
    mkdirSync(target);
    symlinkSync(target, join(folder, 'link'));
    await expect(newTransport(join(folder, 'link')).connect()).rejects.toThrow('symbolic link');
  });
});
