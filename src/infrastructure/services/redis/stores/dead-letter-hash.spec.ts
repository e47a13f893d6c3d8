import { INDEXED } from './dead-letter-hash.js';
import { ADD_DEAD_LETTER } from '../scripts/index.js';

it('looks up by the indexes that the scripts keep', () => {
  const list = INDEXED.map((field) => `'${field}'`).join(', ');
  expect(ADD_DEAD_LETTER.lua).toContain(`local INDEXED = {${list}}\n`);
});
