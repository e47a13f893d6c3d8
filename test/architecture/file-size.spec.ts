import * as fs from 'node:fs';

import { sourceFiles } from './source-files.js';

/** A file of more lines than this says in its first comment why it is one idea all the same. */
const UNEXPLAINED = 400;
const REASON = /\bone file because\b/i;

describe('a file', () => {
  const directories = ['src', 'test', 'bench', 'scripts'].filter((name) => fs.existsSync(name));

  it(`of more than ${UNEXPLAINED} lines says why`, () => {
    const unexplained = directories
      .flatMap(sourceFiles)
      .filter(({ lines, text }) => lines > UNEXPLAINED && !REASON.test(firstComment(text)));
    expect(unexplained.map(({ name, lines }) => `${name}: ${lines}`)).toEqual([]);
  });

  it('says why in its first comment, not in a later one', () => {
    expect(firstComment('/** One file because A. */\n/** B */')).toMatch(REASON);
    expect(firstComment('import a;\n// One file\n// because A.\ncode();')).toMatch(REASON);
    expect(firstComment('/** B */\n/** One file because A. */')).not.toMatch(REASON);
    expect(firstComment('code();')).toBe('');
  });
});

/** Text of the first block comment or of the first lines of comments that follow each other, as one line. */
function firstComment(text: string): string {
  const [comment = ''] = /\/\*[^]*?\*\/|\/\/.*(?:\n\s*\/\/.*)*/.exec(text) ?? [];
  return comment.replace(/\s*\n\s*(?:\*|\/\/)\s*/g, ' ');
}
