import { HandClock } from '../../../../test/support/hand-clock.js';
import type { TransportEvent } from '../ports/transport.js';
import { NewerFormats } from './newer-formats.js';
import { ProblemList } from './problem-list.js';

function setUp() {
  const events: TransportEvent[] = [];
  const clock = new HandClock();
  const problems = new ProblemList((event) => events.push(event));
  const of = { topic: 'orders', group: 'billing' };
  return { events, clock, problems, formats: new NewerFormats({ of, label: 'Redis', problems, clock }) };
}

describe('the report of newer formats', () => {
  it('names all that is there, once while it is found again', () => {
    const { events, problems, formats } = setUp();
    formats.found('messages', 2);
    formats.found('messages', 2);
    formats.found('messages', undefined);
    expect(events).toHaveLength(1);
    formats.found('delayed messages', 3);
    expect(problems.all()).toMatchObject([{ code: 'newer_format', topic: 'orders', group: 'billing' }]);
    expect(problems.all()[0]?.detail).toContain(
      'Redis has delayed messages of format 3 and messages of format 2 of group "billing" of "orders"',
    );
  });

  it('ends some time after nothing was found any more', async () => {
    const { clock, problems, formats } = setUp();
    let isThere = true;
    formats.found('messages', 2, () => isThere);
    await clock.advance(61_000);
    expect(problems.all()).toHaveLength(1);
    isThere = false;
    await clock.advance(61_000);
    expect(problems.all()).toEqual([]);
  });

  it('ends with what it watches', () => {
    const { problems, formats } = setUp();
    formats.found('messages', 2);
    formats.ended();
    expect(problems.all()).toEqual([]);
  });
});
