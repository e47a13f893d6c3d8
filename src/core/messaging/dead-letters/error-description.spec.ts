import { describeError, errorTypeOf, fingerprintOf, normaliseMessage } from './error-description.js';

class UpstreamError extends Error {}

describe('the description of an error', () => {
  it('has type, message, code and the frames of the stack', () => {
    const error = Object.assign(new UpstreamError('upstream 504'), { code: 'ETIMEDOUT' });
    expect(describeError(error)).toEqual({
      type: 'UpstreamError',
      message: 'upstream 504',
      code: 'ETIMEDOUT',
      stack: expect.stringMatching(/^UpstreamError: upstream 504\n\s+at .*error-description/),
    });
  });

  it('bounds message and stack in bytes', () => {
    const error = new Error('ä'.repeat(10_000));
    error.stack = `Error\n${'    at frame (file.ts:1:1)\n'.repeat(2_000)}`;
    const { message, stack } = describeError(error);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(stack ?? '')).toBeLessThanOrEqual(8192);
    expect(message).not.toContain('\uFFFD');
  });

  it('reads nothing of cause, arguments or what else a client hangs on its errors', () => {
    const cause = new Error('canary-cause');
    const error = Object.assign(new Error('refused', { cause }), {
      command: { name: 'AUTH', args: ['canary-password'] },
      config: { url: 'amqp://user:canary-url@host' },
    });
    error.stack = `${error.stack ?? ''}\n  [cause]: canary-cause\n    at x (y.ts:1:1)`;
    expect(JSON.stringify(describeError(error))).not.toContain('canary');
  });

  const hostile = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('getter');
    },
  });
  const unfriendly = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('trap');
      },
    },
  );
  it.each([
    ['undefined', undefined, 'undefined', 'undefined was thrown.'],
    ['null', null, 'null', 'null was thrown.'],
    ['a string', 'it broke', 'string', 'it broke'],
    ['a number', 42, 'number', '42 was thrown.'],
    ['a symbol', Symbol('s'), 'symbol', 'Symbol(s) was thrown.'],
    ['an object', { message: 'half an error' }, 'Object', 'half an error'],
    [
      'an object without a prototype',
      Object.create(null),
      'object',
      'An object that is not an Error was thrown.',
    ],
    ['an error with hostile getters', hostile, 'Error', ''],
    ['an object with hostile traps', unfriendly, 'Object', 'An object that is not an Error was thrown.'],
  ])('survives %s', (_, thrown, type, message) => {
    expect(describeError(thrown)).toMatchObject({ type, message });
    expect(errorTypeOf(thrown)).toBe(type);
  });
});

describe('the fingerprint', () => {
  const at = (message: string, stack: string): string =>
    fingerprintOf('Billing.charge', { type: 'UpstreamError', message, stack });
  const frame =
    'UpstreamError: x\n    at Module.load (/app/node_modules/pg/a.js:1:1)\n    at node:internal/x:1:2\n';

  it('is the same for the same fault, whatever varies in its message and moves in its file', () => {
    const one = at(
      'order 17 of "ann" (0190ffff-0000-7000-8000-000000000001) failed',
      `${frame}    at charge (/app/b.ts:10:2)`,
    );
    const two = at(
      'order 99 of "bob" (0190aaaa-0000-7000-8000-000000000002) failed',
      `${frame}    at charge (/app/b.ts:12:9)`,
    );
    expect(one).toBe(two);
    expect(one).toMatch(/^[0-9a-f]{16}$/);
  });

  it('differs for another place, type, message or handler', () => {
    const error = { type: 'E', message: 'm', stack: '    at a (/app/a.ts:1:1)' };
    const all = [
      fingerprintOf('H.a', error),
      fingerprintOf('H.b', error),
      fingerprintOf('H.a', { ...error, type: 'F' }),
      fingerprintOf('H.a', { ...error, message: 'n' }),
      fingerprintOf('H.a', { ...error, stack: '    at b (/app/a.ts:1:1)' }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('is quick with a hostile message', () => {
    const begin = performance.now();
    normaliseMessage('"'.repeat(1024));
    normaliseMessage('a1'.repeat(512));
    normaliseMessage("'".repeat(512) + '1.'.repeat(256));
    expect(performance.now() - begin).toBeLessThan(200);
  });
});
