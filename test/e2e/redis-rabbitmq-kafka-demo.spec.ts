import { run } from '../support/readme.js';

it('the demonstration of failover loses no order', async () => {
  const output = await run('npm', ['run', '-s', 'demo:failover'], { timeoutMs: 280_000 });
  const [, accepted, spooled, failed, lost] =
    /^(\d+) orders were answered 201, (\d+) of them spooled, (\d+) failed, (\d+) lost\.$/m.exec(output) ?? [];
  expect([failed, lost]).toEqual(['0', '0']);
  expect(Number(accepted)).toBe(2_000);
  expect(Number(spooled)).toBeGreaterThan(100);
}, 300_000);
