import { encodeCursor } from '../http/cursor.js';
import { parseList } from './filter-schema.js';

describe('the query of a list', () => {
  it('becomes a filter', () => {
    expect(
      parseList({
        status: 'failed',
        topic: 't',
        minAttempts: '3',
        from: '2026-01-01T00:00:00+01:00',
        limit: '10',
      }),
    ).toEqual({
      filter: { status: 'failed', topic: 't', minAttempts: 3, from: Date.UTC(2025, 11, 31, 23) },
      limit: 10,
    });
    expect(parseList({})).toEqual({ filter: {}, limit: 50 });
  });

  it.each<[Record<string, unknown>]>([
    [{ limit: 'ten' }],
    [{ limit: ['1', '9'] }],
    [{ 'limit[$gt]': '1' }],
    [{ limit: { $gt: '1' } }],
    [{ topic: '' }],
    [{ topic: 'x'.repeat(300) }],
    [{ from: 'yesterday' }],
    [{ colour: 'red' }],
    [{ minAttempts: '-1' }],
    [{ messageId: 'a\r\nb' }],
    [{ correlationId: 'a\u0085b' }],
    [{ cursor: 'garbage' }],
    [{ cursor: encodeCursor('x', { topic: 'another' }) }],
    [{ status: 'lost', limit: 'ten' }],
  ])('is malformed as %j', (query) => {
    expect(() => parseList(query)).toThrow(expect.objectContaining({ status: 400 }));
  });

  it.each<[Record<string, unknown>]>([
    [{ status: 'lost' }],
    [{ reason: 'because' }],
    [{ limit: '0' }],
    [{ limit: '201' }],
    [{ limit: '999999999' }],
    [{ from: '2026-99-99T00:00:00Z' }],
    [{ from: '2026-02-30' }],
    [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }],
  ])('is well-formed and invalid as %j', (query) => {
    expect(() => parseList(query)).toThrow(expect.objectContaining({ status: 422, slug: 'invalid-filter' }));
  });

  it('continues from the cursor of an answer to the same filter', () => {
    const cursor = encodeCursor('place', { topic: 't', group: 'g' });
    expect(parseList({ group: 'g', topic: 't', cursor })).toMatchObject({ after: 'place' });
  });
});
