import * as fs from 'node:fs';

import { sourceFiles } from './source-files.js';

const LONGEST = 300;
const MEDIAN = 80;

describe('files', () => {
  const directories = ['src', 'test', 'bench', 'scripts'].filter((name) => fs.existsSync(name));

  it(`are never longer than ${LONGEST} lines`, () => {
    const long = directories.flatMap(sourceFiles).filter(({ lines }) => lines > LONGEST);
    expect(long.map(({ name, lines }) => `${name}: ${lines}`)).toEqual([]);
  });

  it(`of src have a median of at most ${MEDIAN} lines`, () => {
    const lengths = sourceFiles('src')
      .map(({ lines }) => lines)
      .sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(MEDIAN);
  });
});
