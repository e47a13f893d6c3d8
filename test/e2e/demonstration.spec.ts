import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { networkInterfaces } from 'node:os';
import * as path from 'node:path';
import { startDemonstration } from '../support/demonstration.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const otherAddress = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === 'IPv4' && !each.internal)?.address;

describe('the demonstration', () => {
  it('listens on this machine only, keeps its key out of logs, and shows anonymous callers only the status', async () => {
    const app = await startDemonstration(directory.path);
    try {
      expect(app.output()).not.toContain(app.adminKey);
      expect(app.output()).toContain(`$(cat ${path.join(directory.path, 'admin-key')})`);
      const health = await fetch(`${app.url}/health`);
      expect(await health.json()).toEqual({ status: 'ok' });
      if (otherAddress !== undefined)
        await expect(fetch(`http://${otherAddress}:${new URL(app.url).port}/health`)).rejects.toThrow();
    } finally {
      await app.end('SIGTERM');
    }
  });

  it.each<[string, (keyFile: string) => void, string]>([
    ['a planted link', (keyFile) => fs.symlinkSync('/etc/hostname', keyFile), 'is a link'],
    ['a key that others can read', (keyFile) => fs.writeFileSync(keyFile, 'x'.repeat(24)), 'other users'],
    [
      'a data directory that everybody may write to',
      (keyFile) => fs.chmodSync(path.dirname(keyFile), 0o777),
      'Every user may write',
    ],
  ])('does not start with %s', (_, plant, sentence) => {
    plant(path.join(directory.path, 'admin-key'));
    const { status, stderr } = spawnSync(process.execPath, ['dist/esm/main.js'], {
      env: { ...process.env, NODE_ENV: 'test', PORT: '0', DATA_DIR: directory.path },
      encoding: 'utf8',
    });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(status).toBe(1);
  });
});
