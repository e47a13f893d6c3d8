import { UnservedQueues } from './unserved-queues.js';

const PATIENCE = 10;

function looked(messages: (look: number) => number, looks = PATIENCE + 1): UnservedQueues {
  const neglected = new UnservedQueues();
  for (let look = 0; look < looks; look += 1) neglected.look([{ queue: 'q', messages: messages(look) }], 4);
  return neglected;
}

it('takes a queue that holds as much or more at every look', () => {
  expect(looked(() => 3).take()).toEqual(['q']);
  expect(looked((look) => 3 + look).take()).toEqual(['q']);
});

it('has patience first', () => {
  expect(looked(() => 3, PATIENCE).take()).toEqual([]);
});

it('leaves one alone that is empty, or that somebody takes from', () => {
  expect(looked(() => 0).take()).toEqual([]);
  expect(looked((look) => 100 - look).take()).toEqual([]);
  expect(looked((look) => (look === 5 ? 2 : 3)).take()).toEqual([]);
});

it('does not count what it took for the share, until the share changes or it is left again', () => {
  const neglected = looked(() => 3);
  expect(neglected.isTaken('q')).toBe(false);
  neglected.take();
  expect(neglected.isTaken('q')).toBe(true);
  neglected.look([], 4);
  expect(neglected.isTaken('q')).toBe(true);
  neglected.look([], 3);
  expect(neglected.isTaken('q')).toBe(false);
  const left = looked(() => 3);
  left.take();
  left.look([{ queue: 'q', messages: 3 }], 4);
  expect(left.isTaken('q')).toBe(false);
});
