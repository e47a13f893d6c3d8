import { HandClock } from '../../../../../test/support/hand-clock.js';
import type { TransportEvent } from '../../../../core/messaging/ports/transport.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { Interruption } from './interruption.js';

const problem = {
  code: 'consumer_interrupted',
  topic: 't',
  group: 'g',
  detail: 'The consumer is interrupted',
};

const forbidden = new MessagingError('FORBIDDEN', 'No permission.');

const begun = () => {
  const clock = new HandClock();
  const events: string[] = [];
  const problems = new ProblemList((event: TransportEvent) => {
    if (event.type === 'problem') events.push(event.problem.detail);
    if (event.type === 'problem-solved') events.push('solved');
  });
  return { clock, events, problems, interruption: new Interruption(problems, clock, problem) };
};

it('is not listed when it is over at once', async () => {
  const { clock, events, problems, interruption } = begun();
  interruption.lost();
  interruption.over();
  await clock.advance(5_000);
  expect([problems.all(), events]).toEqual([[], []]);
});

it('that the broker has caused is reported also when it is over at once', () => {
  const { events, problems, interruption } = begun();
  interruption.lost('The broker cancelled it.');
  interruption.over();
  expect([problems.all(), events]).toEqual([
    [],
    ['The consumer is interrupted: The broker cancelled it. It runs again.'],
  ]);
});

it('is listed while it lasts, and emitted once for each reason', async () => {
  const { clock, events, problems, interruption } = begun();
  interruption.lost();
  await clock.advance(1_000);
  interruption.failed(forbidden);
  interruption.failed(forbidden);
  interruption.failed(new MessagingError('CONFLICT', 'Another queue.'));
  const detail = (reason: string): string =>
    `The consumer is interrupted: ${reason} It is tried again until it runs.`;
  expect(problems.all()).toEqual([{ ...problem, reason: 'CONFLICT', detail: detail('Another queue.') }]);
  interruption.over();
  expect(problems.all()).toEqual([]);
  expect(events).toEqual([...['no reply so far.', 'No permission.', 'Another queue.'].map(detail), 'solved']);
});

it('of what is no longer wanted is not listed', async () => {
  const { clock, events, interruption } = begun();
  interruption.lost('The broker cancelled it.');
  interruption.end();
  await clock.advance(5_000);
  expect(events).toEqual([]);
});
