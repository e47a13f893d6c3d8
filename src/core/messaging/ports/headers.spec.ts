import {
  largerAttempt,
  OWN_HEADERS,
  OWN_PREFIX,
  ownNumber,
  ownText,
  withoutControlHeaders,
  withoutOwn,
} from './headers.js';

const { attempt, history, delayMs } = OWN_HEADERS;

it('every header of ours has a name of its own, which begins like the others', () => {
  const names = Object.values(OWN_HEADERS).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !name.startsWith(OWN_PREFIX))).toEqual([]);
});

it.each([
  ['2', 2],
  [2, 2],
  ['0.5', 1],
  [0.5, 1],
  ['0', 0],
  ['-1', undefined],
  [-1, undefined],
  ['1e9', undefined],
  [Number.NaN, undefined],
  [1e15, undefined],
  ['x', undefined],
  ['', undefined],
  [Buffer.from('2'), undefined],
  [undefined, undefined],
])('reads %j as the number %j', (value, expected) => {
  expect(ownNumber({ [delayMs.name]: value }, delayMs)).toBe(expected);
});

it('reads no text that is too long or none', () => {
  const read = (value: unknown) => ownText({ [history.name]: value }, history);
  expect([read('x'.repeat(2_048)), read('x'.repeat(2_049)), read(5), read(undefined)]).toEqual([
    'x'.repeat(2_048),
    undefined,
    undefined,
    undefined,
  ]);
});

it('reads the earlier name where the present one is absent', () => {
  expect(ownText({ 'x-msg-history': 'old' }, history)).toBe('old');
  expect(ownText({ 'x-msg-history': 'old', 'x-swy-history': 'new' }, history)).toBe('new');
  expect(withoutOwn({ 'x-msg-history': 'old', 'x-swy-history': 'new', a: '1' }, history)).toEqual({ a: '1' });
});

it.each([
  [1, undefined, 1],
  [2, '3', 3],
  [3, '2', 3],
  [2, '10001', 2],
  [20_000, undefined, attempt.max],
])('of %j and the header %j the larger attempt is %j', (counted, header, larger) => {
  expect(largerAttempt({ [attempt.name]: header }, counted)).toBe(larger);
});

it('removes what only the core and its transports may say, under both names, and nothing else', () => {
  const foreign = {
    'x-swy-key': 'k',
    'x-swy-format': '2',
    'x-swy-deadline': '1',
    'x-swy-reply-to': 'inbox',
    'x-swy-else': 'e',
    traceparent: 't',
  };
  const control = Object.fromEntries(
    Object.values(OWN_HEADERS)
      .filter(({ name }) => !Object.hasOwn(foreign, name))
      .flatMap((header) => [header.name, ...('earlierName' in header ? [header.earlierName] : [])])
      .map((name) => [name, '1']),
  );
  expect(withoutControlHeaders({ ...foreign, ...control })).toEqual({ headers: foreign, ignored: 17 });
  expect(withoutControlHeaders(foreign).headers).toBe(foreign);
});
