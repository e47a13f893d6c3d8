import type { TransportEvent } from '../ports/transport.js';
import { ProblemList } from './problem-list.js';

const DELETED = { code: 'queue_deleted', topic: 'orders', group: 'billing', detail: 'It was deleted.' };

function setUp() {
  const events: TransportEvent[] = [];
  return { events, problems: new ProblemList((event) => events.push(event)) };
}

describe('the list of problems', () => {
  it('emits a problem once while it lasts, and lists it', () => {
    const { events, problems } = setUp();
    problems.add(DELETED);
    problems.add({ ...DELETED });
    expect(events).toEqual([{ type: 'problem', problem: DELETED }]);
    expect(problems.all()).toEqual([DELETED]);
  });

  it('emits it again when its detail changes', () => {
    const { events, problems } = setUp();
    problems.add(DELETED);
    const changed = { ...DELETED, detail: 'It was deleted twice.' };
    problems.add(changed);
    expect(events).toHaveLength(2);
    expect(problems.all()).toEqual([changed]);
  });

  it('keeps the same code of two groups apart', () => {
    const { problems } = setUp();
    problems.add(DELETED);
    problems.add({ ...DELETED, group: 'ledger' });
    problems.solve('queue_deleted', { topic: 'orders', group: 'billing' });
    expect(problems.all().map(({ group }) => group)).toEqual(['ledger']);
  });

  it('emits the end of a problem once, and the problem again when it returns', () => {
    const { events, problems } = setUp();
    problems.add(DELETED);
    problems.solve('queue_deleted', DELETED);
    problems.solve('queue_deleted', DELETED);
    problems.add(DELETED);
    expect(events.map(({ type }) => type)).toEqual(['problem', 'problem-solved', 'problem']);
  });

  it('does not list what is over already', () => {
    const { events, problems } = setUp();
    problems.happened(DELETED);
    expect(events).toEqual([{ type: 'problem', problem: DELETED }]);
    expect(problems.all()).toEqual([]);
  });

  it('is bounded', () => {
    const { events, problems } = setUp();
    for (let index = 0; index < 1_100; index += 1) problems.add({ ...DELETED, group: `g${index}` });
    expect(problems.all()).toHaveLength(1_000);
    expect(events).toHaveLength(1_100);
  });
});
