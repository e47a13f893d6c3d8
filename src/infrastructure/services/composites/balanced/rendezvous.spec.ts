import { ownerOf } from './rendezvous.js';

const KEYS = Array.from({ length: 30_000 }, (_, nth) => `order-${nth}`);
const members = [
  { name: 'a', weight: 1 },
  { name: 'b', weight: 1 },
  { name: 'c', weight: 2 },
];

const shareOf = (name: string): number =>
  KEYS.filter((key) => ownerOf(key, members)?.name === name).length / KEYS.length;

it('gives each member its share of the keys', () => {
  expect(shareOf('a')).toBeCloseTo(0.25, 1);
  expect(shareOf('b')).toBeCloseTo(0.25, 1);
  expect(shareOf('c')).toBeCloseTo(0.5, 1);
});

it('moves only the keys of a member that is lost', () => {
  const left = members.filter(({ name }) => name !== 'b');
  const moved = KEYS.filter((key) => ownerOf(key, members)?.name !== ownerOf(key, left)?.name);
  expect(new Set(moved.map((key) => ownerOf(key, members)?.name))).toEqual(new Set(['b']));
});

it('has no owner where there is no member', () => {
  expect(ownerOf('key', members.slice(0, 0))).toBeUndefined();
});
