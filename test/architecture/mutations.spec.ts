import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTATIONS } from '../proof/mutations.mjs';

/** The cases of conformance suites have their titles here. */
const CASES = join('src', 'testing', 'conformance', 'cases');

it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  'finds in the source where it plants: %s',
  (_, { file, find }) => {
    expect(readFileSync(file, 'utf8').split(find)).toHaveLength(2);
  },
);

it.each(
  MUTATIONS.filter(({ jest = [] }) => jest.includes('-t')).map(
    ({ name, jest = [] }) => [name, jest] as const,
  ),
)('finds the tests that are to notice: %s', (_, args) => {
  const titles = args[args.indexOf('-t') + 1] ?? '';
  const files = [
    ...args.slice(0, args.indexOf('-t')),
    ...readdirSync(CASES).map((name) => join(CASES, name)),
  ];
  const text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  expect(titles.split('|').filter((title) => !text.includes(title))).toEqual([]);
});
