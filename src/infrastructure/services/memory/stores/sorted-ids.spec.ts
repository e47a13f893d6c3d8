import { seededRandom } from '../../../../../test/support/seeded-random.js';
import { SortedIds } from './sorted-ids.js';

describe('sorted ids', () => {
  it.each([1, 2, 3])('are what sorting would make of them, from any place (seed %d)', (seed) => {
    const random = seededRandom(seed);
    const ids = new SortedIds();
    const model = new Set<string>();
    for (let step = 0; step < 1_000; step++) {
      const id = `id-${random(60)}`;
      if (random(2) === 0) {
        ids.delete(id);
        model.delete(id);
      } else if (!model.has(id)) {
        ids.add(id);
        model.add(id);
      }
      const sorted = [...model].sort();
      const place = `id-${random(60)}`;
      expect([...ids.above()]).toEqual(sorted);
      expect([...ids.below()]).toEqual([...sorted].reverse());
      expect([...ids.above(place)]).toEqual(sorted.filter((one) => one > place));
      expect([...ids.below(place)]).toEqual(sorted.filter((one) => one < place).reverse());
    }
  });
});
