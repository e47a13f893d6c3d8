import { failureOf, reasonOf, replyCode } from './redis-errors.js';

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
    // Redis 7, for a permission that is missing inside a script
    ["ERR The user executing the script can't run this command or subcommand script: 5ac3", 'NOPERM'],
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

const coded = (code: string): Error => Object.assign(new Error('x'), { code });

it.each([
  ['a code of the system', coded('ECONNREFUSED'), ' (ECONNREFUSED)'],
  [
    'the last node of a cluster',
    Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: coded('CERT_HAS_EXPIRED') }),
    ' (CERT_HAS_EXPIRED)',
  ],
  [
    'what a sentinel said',
    new Error(
      'All sentinels are unreachable. Retrying from scratch after 50ms. Last error: certificate has expired',
    ),
    ': no sentinel knows a reachable primary (certificate has expired)',
  ],
  [
    'sentinels that say nothing',
    new Error(
      'All sentinels are unreachable. Retrying from scratch after 50ms. Last error: Connection is closed.',
    ),
    ': no sentinel knows a reachable primary',
  ],
  ['nothing that helps', new Error('Connection is closed.'), ''],
])('names %s', (_, error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});
