import { ResourceNames } from './resource-names.js';

describe('Names', () => {
  const names = new ResourceNames('p.');

  it('separates topic, group and purpose', () => {
    expect([
      names.exchange({ topic: 't' }),
      names.queue({ topic: 't', group: 'g' }),
      names.queue({ topic: 't', group: 'g' }, 3),
      names.wait({ topic: 't' }, 64),
      names.held({ topic: 't', group: 'g' }),
    ]).toEqual(['p.t', 'p.t/g', 'p.t/g/3', 'p.t/~wait.64', 'p.t/g/~held']);
  });

  it('keeps long names different and within 255 bytes', () => {
    const [topic, group] = ['t'.repeat(200), 'g'.repeat(199)];
    const all = ['a', 'b'].flatMap((last) => [
      names.queue({ topic, group: group + last }),
      names.queue({ topic, group: group + last }, 7),
      names.wait({ topic, group: group + last }, 2 ** 31),
    ]);
    expect(new Set(all).size).toBe(all.length);
    for (const name of all) expect(name.length).toBeLessThanOrEqual(255);
  });
});
