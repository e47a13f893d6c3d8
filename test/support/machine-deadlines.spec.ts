import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What Jest says of a test that never ends, in a run of its own. */
function runOf(body: string): string {
  const folder = mkdtempSync(resolve('test/support/deadline-'));
  try {
    writeFileSync(join(folder, 'late.spec.ts'), body);
    const args = ['node_modules/jest/bin/jest.js', '--runInBand', join(folder, 'late.spec.ts')];
    return spawnSync(process.execPath, args, { encoding: 'utf8' }).stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it('fails a test, one of a table and a hook that take too long', () => {
  const never = '() => new Promise(() => undefined)';
  const said = runOf(`
    it('never ends', ${never}, 300);
    it.each([1])('never ends either: %s', ${never}, 400);
    describe('within', () => {
      beforeEach(${never}, 500);
      it('never begins', () => undefined);
    });
    it('ends', () => new Promise((resolve) => setTimeout(resolve, 100)), 5_000);
  `);
  for (const limitMs of [300, 400, 500]) expect(said).toContain(`Exceeded its ${limitMs} ms`);
  expect(said).toContain('3 failed, 1 passed');
}, 60_000);
