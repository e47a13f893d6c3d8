import { RecoveryFilter } from './recovery-filter.js';
import { InFlightEntry } from '../wire/stream-entry.js';

const entry = (id: string, consumer = 'me'): InFlightEntry =>
  new InFlightEntry({ source: 1, consumer }, Buffer.from(id), [], 0);

it('drops from a reply what was found before the reply came', () => {
  const foundAgain = new RecoveryFilter();
  foundAgain.begin();
  expect(foundAgain.found([entry('1-1')])).toHaveLength(1);
  foundAgain.end();
  expect(foundAgain.handedOut([entry('1-1'), entry('1-2')]).map(({ entryId }) => entryId)).toEqual(['1-2']);
});

it('does not find what a reply has brought meanwhile, even if it is settled already', () => {
  const foundAgain = new RecoveryFilter();
  foundAgain.begin();
  foundAgain.handedOut([entry('1-1')]);
  expect(foundAgain.found([entry('1-1')])).toEqual([]);
});

it('lets what a consumer had before it was given up come again under its new name', () => {
  const foundAgain = new RecoveryFilter();
  foundAgain.begin();
  foundAgain.found([entry('1-1', 'before')]);
  foundAgain.end();
  expect(foundAgain.handedOut([entry('1-1', 'now')])).toHaveLength(1);
});

it('remembers nothing of what comes while nobody looks for anything', () => {
  const foundAgain = new RecoveryFilter();
  const items = [entry('1-1')];
  expect(foundAgain.handedOut(items)).toBe(items);
  expect(foundAgain.found(items)).toHaveLength(1);
});
