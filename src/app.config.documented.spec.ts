import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemsOf } from '../test/support/load-config.js';

const pages = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'));
const blocks = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    ([, text = ''], nth) => [`${page}, block ${nth + 1}`, text] as const,
  ),
);
const examples = readdirSync('config')
  .filter((name) => name.endsWith('.example.yaml'))
  .map((name) => [join('config', name), readFileSync(join('config', name), 'utf8')] as const);

it.each([...blocks, ...examples].filter(([, text]) => text.includes('transports:')))(
  'the configuration in %s is one',
  (_, file) => {
    expect(problemsOf({ file })).toEqual([]);
  },
);
