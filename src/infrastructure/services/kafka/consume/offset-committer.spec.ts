import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { ClientClosedError } from '../client/kafka-errors.js';
import { OffsetCommitter } from './offset-committer.js';
import { Partition } from './partition.js';
import { SettledOffsets } from './settled-offsets.js';

/** A broker was paused while the group was joined, so that its consumer was replaced. */
const CLOSED = new ClientClosedError('The consumer was stopped before the commit was confirmed.');

const failure = (type: string): Error =>
  Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type });

function setUp(failures: Error[]) {
  const offsets: string[] = [];
  const metadata: string[] = [];
  const membership = {
    commit: ([first]: { offset: string; metadata?: string | null }[]) => {
      const error = failures.shift();
      if (error) return Promise.reject(error);
      offsets.push(first?.offset ?? '');
      metadata.push(first?.metadata ?? '');
      return Promise.resolve();
    },
  };
  const partition = new Partition('t', 0, {
    committed: { position: 7, metadata: null },
    memory: new SettledOffsets(),
    now: 0,
  });
  partition.isDirty = true;
  const committer = new OffsetCommitter(
    membership,
    () => [partition],
    systemClock,
    () => undefined,
  );
  return { committer, offsets, metadata, partition };
}

it.each<[string, Error, Error]>([
  ['while the group rebalances', failure('ILLEGAL_GENERATION'), failure('REBALANCE_IN_PROGRESS')],
  ['while the consumer is replaced', CLOSED, failure('NOT_COORDINATOR_FOR_GROUP')],
  [
    'while there is no member, or the coordinator is silent',
    new MessagingError('TRANSPORT_UNAVAILABLE', 'not read'),
    new MessagingError('DEADLINE_EXCEEDED', 'silent'),
  ],
])('stores its position again %s', async (_, ...failures) => {
  const { committer, offsets } = setUp(failures);
  await committer.place(() => Promise.resolve());
  expect(offsets).toEqual(['7']);
});

it('rejects with any other error', async () => {
  const { committer, offsets } = setUp([failure('GROUP_AUTHORIZATION_FAILED')]);
  await expect(committer.place(() => Promise.resolve())).rejects.toThrow('GROUP_AUTHORIZATION_FAILED');
  expect(offsets).toEqual([]);
});

it('takes back at the end what is stored as in flight, although nothing has changed since', async () => {
  const { committer, metadata, partition } = setUp([]);
  partition.handOut(9);
  await committer.now();
  await committer.now(false);
  expect(metadata.map((text) => JSON.parse(text) as object)).toEqual([{ v: 1, h: 9 }, { v: 1 }]);
});
