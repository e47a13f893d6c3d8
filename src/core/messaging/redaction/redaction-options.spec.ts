import { problemsOfRedaction, type RedactionRule } from './redaction-options.js';

const problemsOf = (rule: unknown): string[] => problemsOfRedaction({ rules: [rule as RedactionRule] });

describe('Options of the redaction', () => {
  it.each([
    { path: 'a.b[*].c["d.e"][0]', action: 'remove' },
    { name: '^(?:iban|tax.?id)$', action: 'mask' },
    { name: 'a[+*{]b', action: 'replace' },
    { messageKey: true, action: 'replace', topics: ['orders.**', 'payments.paid'] },
  ])('may be %j', (rule) => {
    expect(problemsOf(rule)).toEqual([]);
  });

  it.each([
    [{ action: 'mask' }, 'must have exactly one of path, name and messageKey.'],
    [{ path: 'a', name: 'b', action: 'mask' }, 'must have exactly one of path, name and messageKey.'],
    [{ path: 'a', action: 'hide' }, 'must have an action: one of remove, replace, mask, keep.'],
    [{ messageKey: false, action: 'mask' }, 'has messageKey that is not true.'],
    [{ messageKey: true, action: 'keep' }, 'has nothing to keep for messageKey.'],
    [{ path: 'a', action: 'mask', topics: [] }, 'has topics that are no list of at least one.'],
    [
      { path: 'a', action: 'mask', topics: ['a b'] },
      'has an entry in topics that has a segment that is not shown; a segment is a name, "*" or "**".',
    ],
    [null, 'is no rule.'],
    ['password', 'is no rule.'],
  ])('are refused: %j', (rule, problem) => {
    expect(problemsOf(rule)).toEqual([`Option redaction.rules[0] ${problem}`]);
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a[',
    'a[]',
    'a[x]',
    'a.[0]',
    'a b',
    'a]',
    'a["b]',
    'x'.repeat(501),
    7,
    'a.'.repeat(40) + 'a',
  ])('refuse the path %j', (path) => {
    expect(problemsOf({ path, action: 'mask' })).toEqual([
      'Option redaction.rules[0] has a path that is no path of fields such as customer.email, items[*].card or ["a.b"].c.',
    ]);
  });

  it.each([
    ['.*password.*', 'repeats with'],
    ['(a+)+$', 'repeats with'],
    ['a{1,9}', 'repeats with'],
    ['(?=a)b', 'uses more than'],
    ['(a)\\1', 'uses more than'],
    ['a?'.repeat(17) + 'b', 'has more than 16 "?"'],
    ['(', 'is no regular expression'],
    ['a|', 'matches every name'],
    ['', 'is no text'],
    [7, 'is no text'],
    ['x'.repeat(501), 'is longer than 500 characters'],
  ])('refuse the name %j', (name, problem) => {
    expect(problemsOf({ name, action: 'mask' })).toEqual([
      expect.stringContaining(`has a name that ${problem}`),
    ]);
  });

  it('are refused as a whole where they are none', () => {
    expect(problemsOfRedaction(7 as never)).toEqual([
      'Option redaction must be an object with rules and defaults.',
    ]);
    expect(problemsOfRedaction({ rules: {} as never, defaults: 1 as never })).toEqual([
      'Option redaction.defaults must be true or false.',
      'Option redaction.rules must be a list.',
    ]);
  });
});
