interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly lines: readonly string[];
}

const script = jest.requireActual<{
  readonly summarize: (results: readonly object[], options: object) => Summary;
}>('../../scripts/test-summary.mjs');

function summarize(results: readonly object[], strictSkips = false): Summary {
  return script.summarize(results, { strictSkips, root: '/p' });
}

function file(status: string, ...tests: string[]): object {
  const assertionResults = tests.map((state, index) => ({ status: state, fullName: `test ${index}` }));
  return { name: '/p/a.spec.ts', status, assertionResults };
}

function group(code: number | string, ...testResults: object[]): object {
  return { name: 'units', code, report: { testResults } };
}

describe('the summary of the tests', () => {
  it('adds up what the groups report', () => {
    const summary = summarize([
      group(0, file('passed', 'passed', 'passed', 'pending')),
      group(1, file('failed', 'passed', 'failed')),
    ]);
    expect(summary).toEqual({
      passed: 3,
      failed: 1,
      skipped: 1,
      lines: ['skipped: a.spec.ts: test 2', 'failed: a.spec.ts: test 1'],
    });
  });

  it('puts what failed last, with what Jest said of it', () => {
    const failure = {
      status: 'failed',
      fullName: 'a promise',
      failureMessages: ['\u001b[31mexpected 1\u001b[39m\n\n  received 2\n at a\n at b\n at c'],
    };
    const failed = { name: '/p/b.spec.ts', status: 'failed', assertionResults: [failure] };
    expect(summarize([group(1, failed), group(0, file('passed', 'pending'))]).lines).toEqual([
      'skipped: a.spec.ts: test 0',
      'failed: b.spec.ts: a promise: expected 1 | received 2 | at a | at b',
    ]);
  });

  it('counts a file that could not run', () => {
    expect(summarize([group(1, file('failed'))])).toMatchObject({
      failed: 1,
      lines: ['failed: a.spec.ts could not run.'],
    });
  });

  it('counts a run that died without a report', () => {
    expect(summarize([{ name: 'units', code: 'SIGKILL' }])).toMatchObject({
      failed: 1,
      lines: ['Group "units" died without a report (SIGKILL).'],
    });
  });

  it('counts a run that failed although its tests did not', () => {
    expect(summarize([group(1, file('passed', 'passed'))])).toMatchObject({ passed: 1, failed: 1 });
  });

  it('counts a file of skipped tests on CI only', () => {
    const results = [group(0, file('passed', 'pending', 'pending'))];
    expect(summarize(results)).toMatchObject({ failed: 0, skipped: 2 });
    expect(summarize(results, true)).toMatchObject({ failed: 1, skipped: 2 });
  });

  it('skips a file for which something is missing, which fails on CI', () => {
    const results = [
      { name: 'redis', file: 'b.spec.ts', missing: 'no redis' },
      group(0, file('passed', 'passed')),
    ];
    expect(summarize(results)).toEqual({
      passed: 1,
      failed: 0,
      skipped: 1,
      lines: ['skipped: b.spec.ts: no redis'],
    });
    expect(summarize(results, true)).toMatchObject({
      failed: 1,
      skipped: 0,
      lines: ['failed: b.spec.ts could not run: no redis'],
    });
  });

  it('names the files of a run elsewhere as those of a run here', () => {
    const elsewhere = { ...group(0, { ...file('passed', 'pending'), name: '/app/c.spec.ts' }), root: '/app' };
    expect(summarize([elsewhere])).toMatchObject({ lines: ['skipped: c.spec.ts: test 0'] });
  });
});
