import { readFileSync } from 'node:fs';
import * as yaml from 'yaml';

import { Redactor } from '../core/messaging/redaction/redactor.js';
import { load } from '../../test/support/load-config.js';

const settingsOf = (more: object): string =>
  JSON.stringify({ service: 'shop', transports: { main: { kind: 'memory' } }, ...more });

/** What is wrong with these settings. */
function mistakesIn(more: object): readonly string[] {
  try {
    load({ file: settingsOf(more) });
    return [];
  } catch (error) {
    return (error as { problems: readonly string[] }).problems;
  }
}

it('the rules of the page hide what it says', () => {
  const page = readFileSync('docs/operating/security.md', 'utf8');
  const [, block = ''] = /```yaml\n(redaction:[^`]*)```/.exec(page) ?? [];
  const { redaction } = load({ file: settingsOf(yaml.parse(block) as object) });
  const redactor = new Redactor(redaction);
  const body = {
    customer: { email: 'ana.example@example.com', taxId: 'DE 123', iban: 'DE893704004405320130' },
    items: [{ sku: 's-1', card: '4111111111111111' }],
    tokenCount: 3,
    token: 'abc',
  };
  const message = { headers: {}, body: Buffer.from(JSON.stringify(body)) };
  expect(redactor.payload('orders.placed', message)).toEqual({
    text: '{"customer":{"email":"***.com","taxId":"***","iban":"***"},"items":[{"sku":"s-1"}],"tokenCount":3,"token":"***"}',
  });
  expect(redactor.key('customers.created', 'ana@example.com')).toBe('***om');
  expect(redactor.key('orders.placed', 'o-1')).toBe('o-1');
});

it('mistakes in rules and topics are reported with their places, and without their values', () => {
  const rules = [
    { path: 'a..S3CR3T', action: 'mask' },
    { name: '.*S3CR3T', action: 'mask' },
    { path: 'a', name: 'b', action: 'mask', topics: [] },
    { path: 'a', action: 'hide' },
  ];
  const key = { name: 'ana', key: 'x'.repeat(20) };
  const apiKeys = [
    { ...key, topics: ['a b'] },
    { ...key, name: 'bo', roles: ['owner'] },
  ];
  const mistakes = mistakesIn({ redaction: { rules, defaults: 'maybe' }, admin: { apiKeys } });
  expect(mistakes.join('\n')).not.toContain('S3CR3T');
  expect(mistakes).toEqual([
    expect.stringMatching(/^redaction\.rules\[0\] .*has a path that is no path of fields/),
    expect.stringMatching(/^redaction\.rules\[1\] .*has a name that repeats with/),
    expect.stringMatching(/^redaction\.rules\[2\] .*must have exactly one of path, name and messageKey\.$/),
    expect.stringMatching(/^redaction\.rules\[2\] .*has topics that are no list of at least one\.$/),
    expect.stringMatching(/^redaction\.rules\[3\]\.action .*Allowed: remove, replace, mask, keep\.$/),
    expect.stringMatching(/^redaction\.defaults .*Allowed: true, false\.$/),
    expect.stringMatching(/^admin\.apiKeys\[0\] .*has an entry in topics that/),
    expect.stringMatching(
      /^admin\.apiKeys\[1\]\.roles\[0\] .*Allowed: viewer, operator, admin, payload:read\.$/,
    ),
  ]);
});
