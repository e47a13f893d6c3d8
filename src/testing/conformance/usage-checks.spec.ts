import { spawnSync } from 'node:child_process';
import { describeTransport } from './describe-transport.js';

const framework = {
  describe: () => undefined,
  it: Object.assign(() => undefined, { skip: () => undefined }),
  expect,
};
const options = { create: () => Promise.reject(new Error('unused')), tooLargeBytes: 2 ** 21 };
const loose = describeTransport as (...args: unknown[]) => void;

it.each([
  ['no framework', ['NATS', options], 'no function describe, it, expect. Give { describe, it, expect }'],
  ['no name', [framework, options], 'The second argument is not the name'],
  ['no options', [framework, 'NATS'], 'create is missing. Give a function'],
  [
    'an unknown option',
    [framework, 'NATS', { ...options, outages: {} }],
    'outages is no option. There are: create, ',
  ],
  [
    'a small size',
    [framework, 'NATS', { ...options, tooLargeBytes: '3MiB' }],
    'tooLargeBytes is missing. Give a size',
  ],
  [
    'an unknown topic',
    [framework, 'NATS', options, ['retries']],
    'There is no topic retries. There are: delivering,',
  ],
])('refuses %s from JavaScript, with the remedy', (_, args, sentence) => {
  expect(() => loose(...args)).toThrow(TypeError);
  expect(() => loose(...args)).toThrow(sentence);
});

it('accepts what is right', () => {
  expect(() => loose(framework, 'NATS', options, ['retrying'])).not.toThrow();
});

it('says what a program of the suite is for when it is started without a task', () => {
  const args = ['--import', '@swc-node/register/esm-register', 'test/conformance/transport-process.ts', 'x'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, expect.stringContaining('The conformance suite starts this program')]);
});
