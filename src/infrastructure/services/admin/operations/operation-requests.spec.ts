import { parseIdempotencyKey, parseOperation, parseOrder } from './operation-requests.js';

const of = (rest: object): object => ({ kind: 'replay', selection: { filter: {} }, ...rest });

it('takes ids, a filter, or the fingerprint of a group', () => {
  expect(parseOperation({ kind: 'archive', selection: { ids: ['a'] } })).toEqual({
    kind: 'archive',
    selection: { ids: ['a'] },
  });
  expect(parseOperation(of({ selection: { group: 'f' }, dryRun: true }))).toEqual({
    kind: 'replay',
    selection: { filter: { fingerprint: 'f' } },
    dryRun: true,
  });
});

it.each([
  [undefined],
  [{}],
  ['text'],
  [7],
  [{ kind: 'replay' }],
  [of({ selection: { ids: [] } })],
  [of({ selection: { ids: Array.from({ length: 1_001 }, () => 'x') } })],
  [of({ selection: { filter: {}, ids: ['a'] } })],
  [of({ selection: { filter: { topics: 'x' } } })],
  [of({ ratePerSecond: '5' })],
  [of({ reason: 'x'.repeat(300) })],
  [of({ colour: 'red' })],
])('is malformed as %j', (body) => {
  expect(() => parseOperation(body)).toThrow(expect.objectContaining({ status: 400 }));
});

it.each([
  [of({ ratePerSecond: 501 })],
  [of({ ratePerSecond: 0 })],
  [of({ maxCount: 0.5 })],
  [of({ abortRatio: 1.5 })],
  [of({ waitMs: 10_001 })],
  [{ kind: 'export', selection: { filter: {} } }],
])('is well-formed and invalid as %j', (body) => {
  expect(() => parseOperation(body)).toThrow(expect.objectContaining({ status: 422 }));
});

it('takes an order with a state or a rate', () => {
  expect(parseOrder({ state: 'paused', reason: 'x' })).toEqual({ state: 'paused', reason: 'x' });
  expect(() => parseOrder({ reason: 'x' })).toThrow(expect.objectContaining({ status: 400 }));
  expect(() => parseOrder({ state: 'completed' })).toThrow(expect.objectContaining({ status: 422 }));
});

it('takes a key of a request as a header has it', () => {
  expect(parseIdempotencyKey(undefined)).toBeUndefined();
  expect(parseIdempotencyKey('k-1')).toBe('k-1');
  expect(() => parseIdempotencyKey(['a', 'b'])).toThrow(expect.objectContaining({ status: 400 }));
});
