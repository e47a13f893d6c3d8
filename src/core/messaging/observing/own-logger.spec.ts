import { Logger } from '@nestjs/common';
import { OwnLogger } from './own-logger.js';

const OUTSIDE =
  'a\r\n\t\u001b[31m\u007f\u0085\u009b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069é漢';
const ESCAPED =
  'a\\u000d\\u000a\\u0009\\u001b[31m\\u007f\\u0085\\u009b\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069é漢';

afterEach(() => jest.restoreAllMocks());

describe('a line of this package', () => {
  it.each(['log', 'warn', 'error'] as const)(
    'of the level %s has its control characters escaped',
    (level) => {
      const write = jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
      const logger = new OwnLogger('Messaging');
      logger[level](`The transport "${OUTSIDE}" failed.`);
      logger[level]({ topic: OUTSIDE, list: [OUTSIDE, 7], inside: { [OUTSIDE]: null } });
      expect(write.mock.calls).toEqual([
        [`The transport "${ESCAPED}" failed.`],
        [{ topic: ESCAPED, list: [ESCAPED, 7], inside: { [ESCAPED]: null } }],
      ]);
    },
  );

  it('of JSON stays the same JSON', () => {
    const write = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    new OwnLogger('Messaging').log(JSON.stringify({ detail: OUTSIDE }));
    expect(JSON.parse(String(write.mock.calls[0]?.[0]))).toEqual({ detail: OUTSIDE });
  });
});
