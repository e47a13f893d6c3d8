import { HEADER } from '../message/headers.js';
import { appendHistory, readHistory } from './attempt-history.js';

describe('the history of attempts', () => {
  it('is read as it was written', () => {
    const first = { attempt: 1, at: 1_732_381_200_000, errorType: 'TimeoutError' };
    const second = { attempt: 2, at: 1_732_381_201_000, errorType: 'Error' };
    const headers = appendHistory(appendHistory({}, first), second);
    expect(headers[HEADER.history]).toBe('1@1732381200000:TimeoutError,2@1732381201000:Error');
    expect(readHistory(headers)).toEqual([first, second]);
  });

  it('keeps the latest twenty attempts in at most 2 KiB', () => {
    let headers: Record<string, string> = {};
    for (let attempt = 1; attempt <= 500; attempt++) {
      headers = appendHistory(headers, { attempt, at: 1e14, errorType: 'E'.repeat(500) });
    }
    const history = readHistory(headers);
    expect(history.at(-1)?.attempt).toBe(500);
    expect(history).toHaveLength(20);
    expect(headers[HEADER.history]?.length).toBeLessThanOrEqual(2048);
  });

  it.each(['', ',,,', '1@x:E', '-1@5:E', '1@1:', 'x'.repeat(5_000), '1@1:E\r\nbad', '__proto__'])(
    'reads nothing from %j',
    (garbage) => {
      expect(readHistory({ [HEADER.history]: garbage })).toEqual([]);
    },
  );

  it('continues what an earlier version has written', () => {
    const written = { 'x-msg-history': '1@1732381200000:TimeoutError,2@1732381201000:Error' };
    const before = readHistory(written);
    expect(before.map(({ attempt, errorType }) => [attempt, errorType])).toEqual([
      [1, 'TimeoutError'],
      [2, 'Error'],
    ]);
    const third = { attempt: 3, at: 1_732_381_202_000, errorType: 'Error' };
    const laidOver = { ...written, ...appendHistory(written, third) };
    expect(readHistory(laidOver)).toEqual([...before, third]);
  });

  it('skips what it cannot read and keeps the rest', () => {
    expect(readHistory({ [HEADER.history]: 'garbage,2@7:Error' })).toEqual([
      { attempt: 2, at: 7, errorType: 'Error' },
    ]);
  });

  it('never lets the name of an error break the header', () => {
    const headers = appendHistory({}, { attempt: 1, at: 5, errorType: 'a,b:c\r\nd@é' });
    expect(readHistory(headers)).toEqual([{ attempt: 1, at: 5, errorType: 'abcd' }]);
  });
});
