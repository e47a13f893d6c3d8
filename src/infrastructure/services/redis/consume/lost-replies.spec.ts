import { RecoveryFilter } from './lost-replies.js';
import { InFlightEntry } from '../wire/stream-entry.js';

const entry = (id: string, consumer = 'me'): InFlightEntry =>
  new InFlightEntry({ source: 1, stream: 's', consumer }, Buffer.from(id), [], 0);

it('drops from a reply what was found before the reply came', () => {
  const filter = new RecoveryFilter();
  filter.begin();
  expect(filter.found([entry('1-1')])).toHaveLength(1);
  filter.end();
  expect(filter.unseen([entry('1-1'), entry('1-2')]).map(({ entryId }) => entryId)).toEqual(['1-2']);
});

it('does not find what a reply has brought meanwhile, even if it is settled already', () => {
  const filter = new RecoveryFilter();
  filter.begin();
  filter.unseen([entry('1-1')]);
  expect(filter.found([entry('1-1')])).toEqual([]);
});

it('lets what a consumer had before it was given up come again under its new name', () => {
  const filter = new RecoveryFilter();
  filter.begin();
  filter.found([entry('1-1', 'before')]);
  filter.end();
  expect(filter.unseen([entry('1-1', 'now')])).toHaveLength(1);
});

it('remembers no entries outside a recovery', () => {
  const filter = new RecoveryFilter();
  const items = [entry('1-1')];
  expect(filter.unseen(items)).toBe(items);
  expect(filter.found(items)).toHaveLength(1);
});
