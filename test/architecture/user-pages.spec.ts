import * as fs from 'node:fs';

import { DEFAULT_MESSAGE_LIMITS } from '../../src/core/messaging/message/message-limits.js';
import { OWN_HEADERS } from '../../src/core/messaging/ports/headers.js';
import { DEFAULT_RETRY_POLICY } from '../../src/core/messaging/retry-policy.js';

const troubleshooting = fs.readFileSync('docs/using/troubleshooting.md', 'utf8');
const limits = fs.readFileSync('docs/using/limits.md', 'utf8').replaceAll(/\s+/g, ' ');

describe('docs/using/troubleshooting.md', () => {
  const declared = /type MessagingErrorCode =([^;]+);/.exec(
    fs.readFileSync('src/core/messaging/ports/errors.ts', 'utf8'),
  );
  const codes = [...(declared?.[1] ?? '').matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code);
  const rows = [...troubleshooting.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code);

  it('has a row for every error code and no others', () => {
    expect(codes.length).toBeGreaterThan(20);
    expect(rows.toSorted()).toEqual(codes.toSorted());
  });

  it.each(codes)('is right that %s is an error which something can report', (code) => {
    const uses = fs
      .readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      .flatMap(
        (name) => fs.readFileSync(`src/${name}`, 'utf8').match(new RegExp(`'${String(code)}'`, 'g')) ?? [],
      );
    expect(uses.length).toBeGreaterThan(1);
  });
});

describe('docs/using/limits.md', () => {
  const { maxBodyBytes, maxHeaders, maxHeaderBytes } = DEFAULT_MESSAGE_LIMITS;

  it.each([
    ['the payload', `encoded payload | ${maxBodyBytes / 2 ** 20} MiB`],
    ['headers', `${maxHeaders}, with ${maxHeaderBytes / 2 ** 10} KiB of names`],
    ['keys', `1 to ${OWN_HEADERS.key.maxLength} characters`],
    ['attempts', `1 to 1,000, ${DEFAULT_RETRY_POLICY.attempts} by default`],
    ['the history', `${OWN_HEADERS.history.maxLength.toLocaleString('en')} characters travel`],
  ])('names the limit of %s that the code has', (_what, text) => expect(limits).toContain(text));
});
