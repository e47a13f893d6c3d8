import { readFileSync } from 'node:fs';
import { MUTATIONS } from '../proof/mutations.mjs';

it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  'finds in the source where it plants: %s',
  (_, { file, find }) => {
    expect(readFileSync(file, 'utf8').split(find)).toHaveLength(2);
  },
);
