import { Recent } from './recent.js';

it('remembers the last things in their order, and says since when', () => {
  const recent = new Recent<'seen', string>(3);
  const seen = (messageId: string): number[] => recent.of(messageId).map(({ at }) => at);
  for (const at of [1, 2]) recent.add({ messageId: 'm' }, 'seen', 'here', at);
  expect([seen('m'), recent.since]).toEqual([[1, 2], undefined]);
  recent.add({ messageId: 'other', transport: 'main', attempt: 2 }, 'seen', 'there', 3);
  for (const at of [4, 5]) recent.add({ messageId: 'm' }, 'seen', 'here', at);
  expect([seen('m'), recent.since]).toEqual([[4, 5], 3]);
  expect(recent.of('other')).toEqual([
    { at: 3, what: 'seen', place: 'there', transport: 'main', attempt: 2 },
  ]);
});
