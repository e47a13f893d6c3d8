import { ReturnedUnseen } from './returned-unseen.js';

const again = { isRedelivered: true };
const first = { isRedelivered: false };

describe('messages that were returned unseen', () => {
  it('are as many as the queue may have assigned, and none of a queue that was not left', () => {
    const returned = new ReturnedUnseen();
    returned.left('q', 2);
    expect(returned.forgives('other', again)).toBe(0);
    expect([1, 2, 3].map(() => returned.forgives('q', again))).toEqual([1, 1, 0]);
  });

  it('come before all others', () => {
    const returned = new ReturnedUnseen();
    returned.left('q', 5);
    expect([again, first, again].map((how) => returned.forgives('q', how))).toEqual([1, 0, 0]);
  });
});
