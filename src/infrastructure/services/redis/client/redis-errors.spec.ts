import { failureOf, replyCode } from './redis-errors.js';

function reply(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

describe('the code of an error reply', () => {
  it.each([
    ['OOM command not allowed when used memory > maxmemory.', 'OOM'],
    ['-LOADING Redis is loading the dataset in memory', 'LOADING'],
    // Redis 6.2, for an error inside a script
    [
      'ERR Error running script (call to f_5ac3): @user_script:9: @user_script: 9: -OOM command not allowed',
      'OOM',
    ],
    [
      'WRONGTYPE Operation against a key holding the wrong kind of value script: 5ac3, on @user_script:9.',
      'WRONGTYPE',
    ],
    ['something unheard of', 'ERR'],
  ])('of "%s" is %s', (message, code) => {
    expect(replyCode(reply(message))).toBe(code);
  });

  it('is none where no server has replied', () => {
    expect(replyCode(new Error('Connection is closed.'))).toBeUndefined();
    expect(replyCode('OOM')).toBeUndefined();
  });
});

it('a full server takes nothing for certain, however it words that', () => {
  for (const text of [
    'OOM command not allowed',
    'ERR Error running script: @user_script:9: -OOM not allowed',
  ])
    expect(failureOf(reply(text), 'Redis "fast"')).toMatchObject({
      kind: 'unavailable',
      error: { code: 'TRANSPORT_FULL' },
    });
});
