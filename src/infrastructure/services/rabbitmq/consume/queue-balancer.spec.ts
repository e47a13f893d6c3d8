import { UnservedQueues } from './queue-balancer.js';

const UNSERVED_AFTER_CHECKS = 10;

function observed(messages: (check: number) => number, checks = UNSERVED_AFTER_CHECKS + 1): UnservedQueues {
  const unserved = new UnservedQueues();
  for (let check = 0; check < checks; check += 1)
    unserved.observe([{ queue: 'q', messages: messages(check) }], 4);
  return unserved;
}

it('takes a queue whose depth never decreases', () => {
  expect(observed(() => 3).take()).toEqual(['q']);
  expect(observed((check) => 3 + check).take()).toEqual(['q']);
});

it('waits for several checks first', () => {
  expect(observed(() => 3, UNSERVED_AFTER_CHECKS).take()).toEqual([]);
});

it('leaves alone a queue that is empty, or whose depth decreases', () => {
  expect(observed(() => 0).take()).toEqual([]);
  expect(observed((check) => 100 - check).take()).toEqual([]);
  expect(observed((check) => (check === 5 ? 2 : 3)).take()).toEqual([]);
});

it('does not count taken queues for the share, until the share changes or the queue is left again', () => {
  const unserved = observed(() => 3);
  expect(unserved.isTaken('q')).toBe(false);
  unserved.take();
  expect(unserved.isTaken('q')).toBe(true);
  unserved.observe([], 4);
  expect(unserved.isTaken('q')).toBe(true);
  unserved.observe([], 3);
  expect(unserved.isTaken('q')).toBe(false);
  const left = observed(() => 3);
  left.take();
  left.observe([{ queue: 'q', messages: 3 }], 4);
  expect(left.isTaken('q')).toBe(false);
});
