import { CachedCheck } from './cached-check.js';

describe('a cached check', () => {
  it('shares one query among all callers, and repeats it when the answer is old', async () => {
    let asked = 0;
    const check = new CachedCheck(async () => (asked += 1), { cacheMs: 40, timeoutMs: 500 });
    const answers = await Promise.all([check.check(), check.check(), check.check()]);
    expect(asked).toBe(1);
    expect(answers.every(({ up }) => up)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await check.check();
    expect(asked).toBe(2);
  });

  it('is down after the timeout, and does not query again while the first query is open', async () => {
    let asked = 0;
    const check = new CachedCheck(() => ((asked += 1), new Promise(() => undefined)), {
      cacheMs: 0,
      timeoutMs: 20,
    });
    expect(await check.check()).toMatchObject({ up: false, errorCode: 'DEADLINE_EXCEEDED' });
    expect(await check.check()).toMatchObject({ up: false });
    expect(asked).toBe(1);
  });

  it('keeps only the code of an error', async () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:6379'), { code: 'ECONNREFUSED' });
    const check = new CachedCheck(() => Promise.reject(error), { cacheMs: 0, timeoutMs: 500 });
    const result = await check.check();
    expect(result).toEqual({ up: false, errorCode: 'ECONNREFUSED', since: expect.any(Number) });
  });

  it('reports a synchronous throw like a rejection', async () => {
    const check = new CachedCheck(
      () => {
        throw new TypeError('x');
      },
      { cacheMs: 0, timeoutMs: 500 },
    );
    expect(await check.check()).toMatchObject({ up: false, errorCode: 'TypeError' });
  });

  it('reports since when it has been down', async () => {
    let up = true;
    const check = new CachedCheck(() => (up ? Promise.resolve() : Promise.reject(new Error('x'))), {
      cacheMs: 0,
      timeoutMs: 500,
    });
    const first = await check.check();
    up = false;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const down = await check.check();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(down.since).toBeGreaterThan(first.since);
    expect((await check.check()).since).toBe(down.since);
  });
});
