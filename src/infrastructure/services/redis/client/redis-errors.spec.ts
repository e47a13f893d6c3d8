import { failureOf, isFatal, reactionTo, reasonOf, replyCode, scriptError } from './redis-errors.js';

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
    ["@user_script: 9: The user executing the script can't run this command or subcommand", 'NOPERM'],
    ['ERR ACL failure in script: User app has no permissions to run the xadd command', 'NOPERM'],
    ["NOPERM ACL failure in script: User app has no permissions to run the 'xadd' command", 'NOPERM'],
    ["@user_script: 9: -READONLY You can't write against a read only replica.", 'READONLY'],
    ["READONLY You can't write against a read only replica. script: 5ac3, on @user_script:9.", 'READONLY'],
    ['READONLY Can not run script with write flag on readonly replica.', 'READONLY'],
    ["ERR user_script:12: READONLY You can't write script: 5ac3, on @user_script:12.", 'READONLY'],
    ['-UNBLOCKED force unblocked from blocking operation, instance state changed', 'UNBLOCKED'],
    ['UNKILLABLE Sorry the script already executed write commands.', 'UNKILLABLE'],
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

describe('one classification decides on the outcome, on reconnecting and on what a new connection is worth', () => {
  it.each([
    // code, reply, outcome, code of the error, reaction, whether a new connection is no use
    ['READONLY', "READONLY You can't write", 'unavailable', 'TRANSPORT_UNAVAILABLE', 'reconnect', false],
    [
      'MASTERDOWN',
      'MASTERDOWN Link with MASTER is down',
      'unavailable',
      'TRANSPORT_UNAVAILABLE',
      'reconnect',
      false,
    ],
    ['UNBLOCKED', 'UNBLOCKED force unblocked', 'unavailable', 'TRANSPORT_UNAVAILABLE', 'reconnect', false],
    ['NOAUTH', 'NOAUTH Authentication required.', 'unavailable', 'TRANSPORT_UNAVAILABLE', 'reconnect', true],
    ['WRONGPASS', 'WRONGPASS invalid username', 'unavailable', 'TRANSPORT_UNAVAILABLE', undefined, true],
    [
      'DENIED',
      'DENIED Redis is running in protected mode',
      'unavailable',
      'TRANSPORT_UNAVAILABLE',
      undefined,
      true,
    ],
    ['NOPERM', 'NOPERM this user has no permissions', 'refused', 'FORBIDDEN', undefined, true],
    ['OOM', 'OOM command not allowed', 'unavailable', 'TRANSPORT_FULL', undefined, false],
    [
      'MISCONF',
      'MISCONF Errors writing to the AOF file',
      'unavailable',
      'TRANSPORT_UNAVAILABLE',
      undefined,
      false,
    ],
    [
      'CLUSTERDOWN',
      'CLUSTERDOWN Hash slot not served',
      'unavailable',
      'TRANSPORT_UNAVAILABLE',
      'refresh',
      false,
    ],
    ['TRYAGAIN', 'TRYAGAIN Multiple keys request', 'unavailable', 'TRANSPORT_UNAVAILABLE', 'refresh', false],
    ['MOVED', 'MOVED 3999 127.0.0.1:6381', 'unavailable', 'TRANSPORT_UNAVAILABLE', 'refresh', false],
    ['LOADING', 'LOADING Redis is loading', 'unavailable', 'TRANSPORT_UNAVAILABLE', undefined, false],
    ['UNKILLABLE', 'UNKILLABLE Sorry the script', 'unavailable', 'TRANSPORT_UNAVAILABLE', undefined, false],
    ['NEWWORD', 'NEWWORD of a later version', 'unavailable', 'TRANSPORT_UNAVAILABLE', undefined, false],
  ] as const)('%s', (...row) => {
    const [code, text, kind, messagingCode, reaction, isOfNoUse] = row;
    for (const error of [reply(text), reply(`-${text}`), scriptError(`@user_script: 9: -${text}`)]) {
      expect(failureOf(error, 'Redis "fast"')).toMatchObject({ kind, error: { code: messagingCode } });
      expect(failureOf(error, 'Redis "fast"').error.message).toContain(`(${code})`);
      expect([reactionTo(error), isFatal(error)]).toEqual([reaction, isOfNoUse]);
    }
  });

  it('and names why a server cannot be used as long as it is down', () => {
    const whyDown = reasonOf(reply('WRONGPASS invalid username-password pair or user is disabled.'));
    expect(failureOf(undefined, 'Redis "fast"', { wasSent: false, whyDown })).toMatchObject({
      kind: 'unavailable',
      error: {
        message:
          'Redis "fast" is not connected: it rejects the user and password (WRONGPASS). It reconnects by itself.',
      },
    });
  });
});
