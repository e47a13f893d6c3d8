import type { DeadLetter } from '../ports/dead-letter-store.js';
import type { RedactionOptions } from './redaction-options.js';
import { Redactor } from './redactor.js';

const SECRET = 'S3CR3T-4f1c9d-value';

const message = (body: unknown, headers: Record<string, string> = {}, key?: string) => ({
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  ...(key !== undefined && { key }),
});

/** A payload as text, or why there is none. */
function shown(body: unknown, options: RedactionOptions = {}, topic = 'orders.placed'): unknown {
  const found = new Redactor(options).payload(topic, message(body));
  if (found === 'unchanged') return found;
  return 'text' in found ? found.text : found.hiddenBecause;
}

const letter = (body: unknown, more: Partial<DeadLetter> = {}): DeadLetter => ({
  ...{ id: '1', status: 'failed', topic: 'orders.placed', group: 'g', handler: 'H.on', transport: 't' },
  ...{ messageId: 'm', reason: 'handler_error', fingerprint: 'f', attempts: 1, history: [], revision: 1 },
  ...{ firstFailedAt: 1, deadLetteredAt: 1, updatedAt: 1, replayCount: 0, bodyBytes: 1, headers: {} },
  error: { type: 'Error', message: 'failed' },
  body: message(body).body,
  ...more,
});

describe('Redactor', () => {
  describe('payloads', () => {
    it('hides what names call a secret, at any depth, whatever its kind', () => {
      const body = {
        user: { password: SECRET, apiKey: 12_345_678, name: 'ana' },
        list: [{ accessToken: [SECRET, { a: true }] }],
        Authorization: { scheme: 'Bearer', value: SECRET },
        secretSince: null,
      };
      expect(shown(body)).toBe(
        '{"user":{"password":"***","apiKey":"***","name":"ana"},"list":[{"accessToken":"***"}],' +
          '"Authorization":"***","secretSince":null}',
      );
    });

    it('shows names that only begin like a secret', () => {
      const body = { author: 'Ana', authors: ['Bo'], authorId: 7, card: 'visa', key: 'k', discount: 3 };
      expect(shown(body)).toBe(JSON.stringify(body));
    });

    it.each([
      ['customer.email', { customer: { email: SECRET, id: 1 } }, '{"customer":{"id":1}}'],
      ['items[*].card', { items: [{ card: SECRET }, { card: SECRET, n: 1 }] }, '{"items":[{},{"n":1}]}'],
      ['items[1]', { items: ['a', SECRET, 'c'] }, '{"items":["a","c"]}'],
      ['[*].card', [{ card: SECRET }], '[{}]'],
      ['["a.b"].c', { 'a.b': { c: SECRET } }, '{"a.b":{}}'],
      ['*.pin', { a: { pin: SECRET }, pin: 1 }, '{"a":{},"pin":1}'],
      ['email', { b: { email: 'x' }, email: SECRET }, '{"b":{"email":"x"}}'],
    ])('removes what the path %s leads to', (path, body, expected) => {
      expect(shown(body, { rules: [{ path, action: 'remove' }] })).toBe(expected);
    });

    it('masks a value of any length with the same mark, and shows the end of a long one', () => {
      const rules = [{ name: '^card', action: 'mask' as const }];
      const body = {
        card1: '4111111111111111',
        card2: '12345678',
        card3: '1234567',
        card4: 4111111111111111,
      };
      expect(shown(body, { rules })).toBe(
        '{"card1":"***1111","card2":"***78","card3":"***","card4":"***1111"}',
      );
    });

    it('lets the first matching rule decide, so that a field can be kept', () => {
      const rules = [
        { name: '^tokenCount$', action: 'keep' as const },
        { path: 'token', action: 'remove' as const },
      ];
      expect(shown({ tokenCount: 3, token: SECRET, a: { token: SECRET } }, { rules })).toBe(
        '{"tokenCount":3,"a":{"token":"***"}}',
      );
      expect(
        shown({ session: { password: SECRET, n: 1 } }, { rules: [{ name: 'session', action: 'keep' }] }),
      ).toBe('{"session":{"password":"***","n":1}}');
    });

    it('hides a hidden value wherever else it occurs, and secrets in texts', () => {
      const body = {
        password: SECRET,
        note: `uses ${SECRET} for now`,
        inner: JSON.stringify({ token: 'abcdefgh' }),
        [SECRET]: 1,
        pinToken: 123456,
        same: 123456,
      };
      expect(shown(body)).toBe(
        '{"password":"***","note":"uses *** for now","inner":"{\\"token\\":\\"***\\"}","***":1,"pinToken":"***","same":"***"}',
      );
    });

    it('keeps the digits of numbers that JavaScript cannot hold', () => {
      expect(shown('{ "id": 12345678901234567890, "rate": 1.10, "password": 1 }')).toBe(
        '{"id":12345678901234567890,"rate":1.10,"password":"***"}',
      );
    });

    it('applies rules to their topics only', () => {
      const rules = [{ path: 'email', action: 'remove' as const, topics: ['users.**'] }];
      expect(shown({ email: 'a@b.c' }, { rules }, 'users.created')).toBe('{}');
      expect(shown({ email: 'a@b.c' }, { rules }, 'orders.placed')).toBe('{"email":"a@b.c"}');
    });

    it.each([
      ['no JSON', `password ${SECRET}`],
      ['cut JSON', `{"password":"${SECRET}`],
      ['JSON with more behind it', `{"a":1} ${SECRET}`],
      ['a raw line break in a text', `{"password":"${SECRET}\n"}`],
      ['a wrong escape', `{"a":"\\x"}`],
      ['a missing comma', `{"a":1 "b":2}`],
      ['a trailing comma', `[1,]`],
      ['nothing', ''],
      ['bytes that are no UTF-8', '\u0000'],
      ['65 levels', '['.repeat(65) + `"${SECRET}"` + ']'.repeat(65)],
    ])('shows nothing of %s', (_, body) => {
      expect(shown(body)).toBe('unreadable');
    });

    it('reads JSON exactly as JSON.parse does', () => {
      const samples = [
        '1',
        '-0',
        '"a"',
        '[]',
        '{}',
        ' [ 1 , {"a" : [ ] } ] ',
        '"\\ud83d\\ude00\\""',
        '"\\\\"',
        '01',
        '+1',
      ];
      samples.push(
        '1.',
        '.5',
        '1e5',
        'tru',
        'NaN',
        '{"a"}',
        '{a:1}',
        '[1 2]',
        '"\\"',
        '{"a":1,}',
        '[,]',
        'nul',
        '--1',
      );
      for (const text of samples) {
        let parsed: unknown = 'unreadable';
        try {
          parsed = JSON.stringify(JSON.parse(text));
        } catch {
          // stays
        }
        const found = shown(text);
        expect([text, found === 'unreadable' ? found : JSON.stringify(JSON.parse(String(found)))]).toEqual([
          text,
          parsed,
        ]);
      }
    });

    it('shows nothing of more than 256 KiB', () => {
      expect(shown({ a: 'x'.repeat(256 * 1024) })).toBe('too-large');
    });

    it('finds names that are written with escapes', () => {
      expect(shown(`{"\\u0070assword":"${SECRET}","note":"${SECRET}"}`)).toBe(
        '{"password":"***","note":"***"}',
      );
    });

    it('leaves payloads alone without any rule', () => {
      expect(shown('anything', { defaults: false })).toBe('unchanged');
      expect(
        shown('anything', { defaults: false, rules: [{ path: 'a', action: 'remove', topics: ['b'] }] }),
      ).toBe('unchanged');
    });

    it.each([
      [
        'many fields',
        JSON.stringify(Object.fromEntries(Array.from({ length: 15_000 }, (_, n) => [`f${n}`, n]))),
      ],
      [
        'many secrets',
        JSON.stringify(Array.from({ length: 5_000 }, (_, n) => ({ token: `secret-number-${n}` }))),
      ],
      ['a text of quotes', JSON.stringify({ a: 'token:"'.repeat(25_000) })],
      ['a text of names', JSON.stringify({ a: 'a.'.repeat(100_000), b: 'password'.repeat(7_000) })],
      ['a text of schemes', JSON.stringify({ a: 'a://b:'.repeat(30_000) })],
      ['a text of backslashes', JSON.stringify({ a: '\\'.repeat(60_000) })],
      ['deep nesting', '['.repeat(250_000)],
    ])('takes a bounded time for a hostile payload: %s', (_, body) => {
      // Time of the processor, because others use the machine too.
      const from = process.cpuUsage();
      shown(body);
      const { user, system } = process.cpuUsage(from);
      expect((user + system) / 1_000).toBeLessThan(1_000);
    });
  });

  describe('texts', () => {
    const text = (given: string, options: RedactionOptions = {}) => new Redactor(options).text(given);

    it.each([
      ['password=abc for ana', 'password=*** for ana'],
      ['{"user":"ana","password":"a\\"b"} failed', '{"user":"ana","password":"***"} failed'],
      ["{ apiKey: 'a b' }", "{ apiKey: '***' }"],
      ['Authorization: Bearer abc.def-123', 'Authorization: ***'],
      ['sent Bearer abc.def-123 to x', 'sent Bearer *** to x'],
      ['at https://ana:pa55word@host/x', 'at https://ana:***@host/x'],
      ['error:password=abc', 'error:password=***'],
      ['token: expired', 'token: expired'],
      ['token: 8f3a', 'token: ***'],
      ['invalid bearer token', 'invalid bearer token'],
      ['"{\\"token\\":\\"abc\\"}"', '"{\\"token\\":\\"***\\"}"'],
      ['order o-1 failed: timeout', 'order o-1 failed: timeout'],
    ])('shows %s as %s', (given, expected) => {
      expect(text(given)).toBe(expected);
    });

    it('masks in texts with the rules that have names', () => {
      const rules = [{ name: 'iban', action: 'mask' as const }];
      expect(text('iban=DE89370400440532013000 is wrong', { rules, defaults: false })).toBe(
        'iban=***3000 is wrong',
      );
      expect(text('password=x', { rules, defaults: false })).toBe('password=x');
    });

    it('hides what an error quotes from its message, however it is written', () => {
      const value = 'a "quoted" värlue';
      const of = { topic: 't', message: message({ password: value }, { 'x-token': 'header-secret' }) };
      const given = `${value} | ${JSON.stringify(value)} | ${encodeURIComponent(value)} | header-secret | a "quoted" v…`;
      expect(new Redactor().text(given, of)).toBe('*** | "***" | *** | *** | ***…');
    });

    it('hides a short value only where it stands alone', () => {
      const of = { topic: 't', message: message({ password: '1234' }) };
      expect(new Redactor().text('pin 1234 of order 512345', of)).toBe('pin *** of order 512345');
    });
  });

  describe('dead letters', () => {
    it('hides headers, keys and errors in the same way', () => {
      const error = {
        type: 'Error',
        message: `no ${SECRET} here`,
        stack: `Error: no ${SECRET} here\n    at x`,
      };
      const headers = { 'x-api-key': 'abc', 'x-plain': `of ${SECRET}`, 'x-user': 'ana' };
      const given = letter({ password: SECRET }, { error, headers, key: SECRET, correlationId: SECRET });
      const found = new Redactor({ rules: [{ name: '^x-user$', action: 'remove' }] }).deadLetter(given);
      expect(found).toMatchObject({ key: '***', correlationId: '***', error: { message: 'no *** here' } });
      expect(found.headers).toEqual({ 'x-api-key': '***', 'x-plain': 'of ***' });
      expect(JSON.stringify({ ...found, body: undefined })).not.toContain(SECRET);
      expect(found.body).toBe(given.body);
    });

    it('hides the key of a message by a rule, also in lists and in what quotes it', () => {
      const rules = [{ messageKey: true, action: 'mask' as const, topics: ['orders.*'] }];
      const redactor = new Redactor({ rules });
      const error = { type: 'Error', message: 'ana@example.com is unknown' };
      const given = letter({ n: 1 }, { key: 'ana@example.com', error });
      expect(redactor.summary(given).key).toBe('***om');
      expect(redactor.deadLetter(given).error.message).toBe('*** is unknown');
      expect(redactor.key('users.created', 'ana@example.com')).toBe('ana@example.com');
      expect(
        new Redactor({ rules: [{ messageKey: true, action: 'remove' }] }).summary(given),
      ).not.toHaveProperty('key');
    });

    it('shows nothing of an error whose message has more secrets than are searched for', () => {
      const body = Array.from({ length: 101 }, (_, n) => ({ token: `secret-number-${n}` }));
      const error = { type: 'Error', message: 'secret-number-100 is wrong' };
      expect(new Redactor().deadLetter(letter(body, { error })).error.message).toBe('***');
    });
  });
});
