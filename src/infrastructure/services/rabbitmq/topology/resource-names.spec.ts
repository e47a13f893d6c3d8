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

describe('The place of a queue', () => {
  const names = new ResourceNames('p.');

  it.each([
    [names.queue({ topic: 't.x', group: 'g' }), { role: 'group', to: { topic: 't.x', group: 'g' } }],
    [names.queue({ topic: 't', group: '42' }), { role: 'group', to: { topic: 't', group: '42' } }],
    [names.queue({ topic: 't', group: 'g' }, 7), { role: 'group', to: { topic: 't', group: 'g' } }],
    [names.wait({ topic: 't' }, 64), { role: 'wait', to: { topic: 't' } }],
    [names.wait({ topic: 't', group: 'g' }, 64), { role: 'wait', to: { topic: 't', group: 'g' } }],
    [names.held({ topic: 't' }), { role: 'held', to: { topic: 't' } }],
    [names.held({ topic: 't', group: 'g' }), { role: 'held', to: { topic: 't', group: 'g' } }],
    [names.groups({ topic: 't' }), { role: 'groups', to: { topic: 't' } }],
    [names.due, { role: 'due' }],
    [names.unroutable, { role: 'unroutable' }],
    [names.queue({ topic: 't'.repeat(250), group: 'g' }, 3), { role: 'group' }],
    [names.wait({ topic: 't'.repeat(250), group: 'g' }, 64), { role: 'wait' }],
    [names.ping, undefined],
    [names.members({ topic: 't', group: 'g' }), undefined],
    ['p.t', undefined],
    ['elsewhere.t/g', undefined],
    ['p.a/b/c/d', undefined],
  ])('of %s', (queue, place) => {
    expect(names.placeOf(queue)).toEqual(place);
  });
});
