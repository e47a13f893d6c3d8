import 'reflect-metadata';
import { Test } from '@nestjs/testing';

import { MessagingModule, type MessagingModuleOptions } from './index.js';

async function problemsOf(options: unknown): Promise<readonly string[]> {
  const imports = [MessagingModule.forRoot(options as MessagingModuleOptions)];
  const started = (async () => {
    const module = await Test.createTestingModule({ imports }).compile();
    await module.init();
  })();
  const error = await started.then(
    () => undefined,
    (reason: unknown) => reason as { readonly code?: unknown; readonly problems?: readonly string[] },
  );
  expect(error?.code).toBe('CONFIGURATION');
  return error?.problems ?? [];
}

describe('options that only TypeScript forbids', () => {
  it.each([
    ['none', undefined, ['the options of MessagingModule are undefined.']],
    ['no transports', { service: 's' }, ['Option transports is undefined; give a list of transports.']],
    [
      'a wrong name, no transport and no store',
      { service: 'no good name!', transports: [] },
      ['Option service cannot be a name', 'No transport is configured', 'Option deadLetters is missing'],
    ],
  ])('are a sentence each: %s', async (_what, options, sentences) => {
    const problems = await problemsOf(options);
    for (const sentence of sentences) expect(problems.join('\n')).toContain(sentence);
    expect(problems).toHaveLength(sentences.length);
  });
});
