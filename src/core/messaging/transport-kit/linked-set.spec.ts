import { seededRandom } from '../../../../test/support/seeded-random.js';
import { Link, LinkedSet } from './linked-set.js';

class Member {
  readonly link = new Link<Member>();

  constructor(readonly name: number) {}
}

/** Names, because comparing the members themselves would follow their links for ever. */
const namesOf = (members: Iterable<Member>): number[] => [...members].map(({ name }) => name);

it('a linked set has what a set would have, in the same order, whatever is added and deleted', () => {
  const random = seededRandom(7);
  const members = Array.from({ length: 40 }, (_, name) => new Member(name));
  const linked = new LinkedSet<Member>();
  const model = new Set<Member>();
  for (let step = 0; step < 5_000; step++) {
    const member = members[random(members.length)]!;
    if (random(2) === 0) {
      linked.add(member);
      model.add(member);
    } else {
      expect(linked.delete(member)).toBe(model.delete(member));
    }
    expect(linked.size).toBe(model.size);
    if (step % 50 === 0) expect(namesOf(linked)).toEqual(namesOf(model));
  }
});

it('a linked set may lose the member at hand while it is gone through', () => {
  const linked = new LinkedSet<Member>();
  const members = Array.from({ length: 5 }, (_, name) => new Member(name));
  for (const member of members) linked.add(member);
  const seen: Member[] = [];
  for (const member of linked) {
    seen.push(member);
    linked.delete(member);
  }
  expect(namesOf(seen)).toEqual(namesOf(members));
  expect(linked.size).toBe(0);
});
