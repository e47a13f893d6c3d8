import * as path from 'node:path';

import { CWD, type Given, problemsOf } from '../test/support/load-config.js';

const CANARY = 'canary-4f1c9d-do-not-show';

describe('mistakes', () => {
  const cases: readonly (readonly [string, Given, string])[] = [
    [
      'an unknown key',
      { file: 'a: 1\ntransport: {}' },
      'transport (config/switchyard.yaml line 2) is not a known key. Did you mean "transports"?',
    ],
    [
      'an unknown key of a transport',
      { file: 'transports: {l: {kind: memory, maxByte: 1}}' },
      'transports.l.maxByte (config/switchyard.yaml line 1) is not a known key. Did you mean "maxBytes"?',
    ],
    [
      'an unknown variable',
      { env: { SWITCHYARD_SERVCE: 'x' } },
      'SWITCHYARD_SERVCE (environment) is not a known variable. Did you mean SWITCHYARD_SERVICE?',
    ],
    [
      'a variable below a value',
      { env: { SWITCHYARD_SERVICE__NAME: 'x' } },
      'SWITCHYARD_SERVICE__NAME (environment) is not a known variable.',
    ],
    [
      'a duration',
      { env: { SWITCHYARD_DRAIN_TIMEOUT_MS: '10x' } },
      'drainTimeoutMs (SWITCHYARD_DRAIN_TIMEOUT_MS) is "10x". Allowed: a duration such as 500ms, 30s, 5m, from 0 to 1h.',
    ],
    [
      'a number out of range',
      { env: { PORT: '70000' } },
      'http.port (PORT) is "70000". Allowed: a whole number, from 0 to 65535.',
    ],
    [
      'a choice',
      { file: 'connect: maybe' },
      'connect (config/switchyard.yaml line 1) is "maybe". Allowed: required, background.',
    ],
    [
      'a misspelt choice',
      { file: 'connect: backgruond' },
      'connect (config/switchyard.yaml line 1) is "backgruond". Allowed: required, background.',
    ],
    [
      'a kind',
      { file: 'transports: {l: {kind: memry}}' },
      'transports.l.kind (config/switchyard.yaml line 1) is "memry". Allowed: memory, embedded',
    ],
    [
      'no kind',
      { file: 'transports: {l: {maxBytes: 1}}' },
      'transports.l.kind (config/switchyard.yaml line 1) is missing. Allowed: memory, embedded',
    ],
    [
      'a name',
      { file: 'transports: {"../l": {kind: memory}}' },
      'transports.../l (config/switchyard.yaml line 1) cannot be a name.',
    ],
    [
      'a group in place of a value',
      { file: 'service: {a: 1}' },
      'service (config/switchyard.yaml line 1) is a group of keys. Allowed: 1 to 64 letters',
    ],
    [
      'a value in place of a group',
      { file: 'deadLetters: embedded' },
      'deadLetters (config/switchyard.yaml line 1) is a plain value. Allowed: a group with the keys store, directory, transport, shared, maxAgeMs, maxCount, maxBytes, dropPending.',
    ],
    ['a list in place of the file', { file: '- a' }, 'config/switchyard.yaml must hold keys and values.'],
    [
      'YAML',
      { file: 'a: "' },
      'config/switchyard.yaml, line 1: a quote, bracket, comma or colon is missing.',
    ],
    [
      'YAML in a variable',
      { env: { SWITCHYARD_ROUTES: '[{' } },
      'SWITCHYARD_ROUTES, line 1: a quote, bracket, comma or colon is missing.',
    ],
    [
      'a route to nowhere',
      { file: 'routes:\n  - {match: "**", transport: locl}' },
      'routes[0] (config/switchyard.yaml line 2) names the transport "locl", which is not configured. Did you mean "local"?',
    ],
    [
      'a pattern',
      { file: 'routes:\n  - {match: "a..b", transport: local}' },
      'routes[0] (config/switchyard.yaml line 2) matches "a..b", which has the segment ""',
    ],
    [
      'no routes for two transports',
      { file: 'transports: {a: {kind: memory}, b: {kind: memory}}' },
      'routes is missing. With 2 transports it must say which topic goes where.',
    ],
    [
      'nothing to drain',
      { file: 'drain: [gone]' },
      'drain (config/switchyard.yaml line 1) names the transport "gone", which is not configured.',
    ],
    [
      'one directory for two',
      { file: 'deadLetters: {directory: x}\nidempotency: {directory: ./x}' },
      'idempotency.directory (config/switchyard.yaml line 2) is the same directory as deadLetters.directory (config/switchyard.yaml line 1).',
    ],
    [
      'dropping without a limit',
      { file: 'deadLetters: {dropPending: true}' },
      'deadLetters.dropPending (config/switchyard.yaml line 1) needs a limit that can be reached: one of maxAgeMs, maxCount, maxBytes.',
    ],
    [
      'a variable and its file',
      { env: { SWITCHYARD_SERVICE: 'a', SWITCHYARD_SERVICE_FILE: 'b' } },
      'SWITCHYARD_SERVICE and SWITCHYARD_SERVICE_FILE are both set; keep one.',
    ],
    [
      'a file that is not there',
      { env: { SWITCHYARD_SERVICE_FILE: CANARY } },
      'SWITCHYARD_SERVICE_FILE must hold the path of a file that can be read (ENOENT).',
    ],
    [
      'a key without a secret',
      { file: 'admin: {apiKeys: [{name: ana}]}' },
      'admin.apiKeys[0] (config/switchyard.yaml line 1) must have either sha256 or key, and not both.',
    ],
    [
      'production without a key',
      { env: { NODE_ENV: 'production' } },
      'admin.apiKeys is empty, and NODE_ENV is production.',
    ],
  ];

  it.each(cases)(
    '%s is reported with key, source, the value found and the values allowed',
    (_, given, problem) => {
      const problems = problemsOf(given);
      expect(problems.filter((found) => found.startsWith(problem))).toHaveLength(1);
      expect(problems.join('\n')).not.toContain(CANARY);
    },
  );

  it('are reported all together', () => {
    const file = 'colour: red\nconnect: maybe\nroutes: [{match: "**", transport: nowhere}]\n';
    expect(problemsOf({ file, env: { PORT: 'x', SWITCHYARD_NOTHING: 'x' } })).toHaveLength(5);
  });

  it.each<readonly [string, Given]>([
    ['a short key', { file: 'admin: {apiKeys: [{name: a, key: canary-4f1c}]}' }],
    ['a hash that is none', { file: 'admin: {apiKeys: [{name: a, sha256: canary-4f1c}]}' }],
    ['a list written as text', { env: { SWITCHYARD_ADMIN__API_KEYS: 'canary-4f1c' } }],
    ['an unknown key', { file: 'pasword: canary-4f1c' }],
    ['an unknown key in a group', { file: 'admin: {pasword: canary-4f1c}' }],
    ['an unknown variable', { env: { SWITCHYARD_PASWORD: 'canary-4f1c' } }],
    [
      'a value from a secret file',
      { env: { SWITCHYARD_HTTP__PORT_FILE: 'f' }, files: { [path.join(CWD, 'f')]: 'canary-4f1c' } },
    ],
    ['YAML that is broken', { file: 'admin: {apiKeys: [{name: a, key: "canary-4f1c}]}' }],
    ['a secret in a URL', { file: 'service: amqp://user:canary-4f1c@host' }],
  ])('never repeat a secret: %s', (_, given) => {
    const problems = problemsOf(given);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain('canary-4f1c');
  });
});
