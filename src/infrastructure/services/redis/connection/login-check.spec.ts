import { scriptError } from '../client/redis-errors.js';
import { checkLogin } from './login-check.js';

type Reply = string | Error;

const check = (common: object, replies: Readonly<Record<string, Reply>>): ReturnType<typeof checkLogin> =>
  checkLogin(
    {
      call: (command: string) => {
        const reply = replies[command] ?? new Error(`unexpected ${command}`);
        return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
      },
    } as never,
    { common },
  );

describe('A new connection', () => {
  it('is asked nothing where nothing was asked for', async () => {
    expect(await check({ db: 0, password: 'x' }, {})).toBeUndefined();
  });

  it.each([
    ['another user', 'default', 'it has logged in another one'],
    ['a server before users', scriptError('ERR unknown command `acl`'), 'it has no users (ERR)'],
  ])('is refused with %s', async (_, acl, problem) => {
    const mismatch = await check({ username: 'secret-name' }, { acl });
    expect(mismatch?.message).toContain(problem);
    expect(mismatch?.message).not.toContain('secret-name');
  });

  it('is used with the user, and where the user may not ask', async () => {
    expect(await check({ username: 'ana' }, { acl: 'ana' })).toBeUndefined();
    expect(await check({ username: 'ana' }, { acl: scriptError('NOPERM no permissions') })).toBeUndefined();
  });

  it('that is lost meanwhile has not been refused', async () => {
    await expect(check({ db: 3 }, { select: new Error('Connection is closed.') })).rejects.toThrow('closed');
  });
});
