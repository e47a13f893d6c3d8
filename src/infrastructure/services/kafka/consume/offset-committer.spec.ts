import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { OffsetCommitter } from './offset-committer.js';
import { Partition } from './partition.js';
import { SettledOffsets } from './settled-offsets.js';

const failure = (type: string): Error =>
  Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type });

function setUp(failures: Error[]) {
  const offsets: string[] = [];
  const membership = {
    commit: ([first]: { offset: string }[]) => {
      const error = failures.shift();
      if (error) return Promise.reject(error);
      offsets.push(first?.offset ?? '');
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
  return { committer, offsets };
}

it('stores its place anew while the group is formed', async () => {
  const { committer, offsets } = setUp([failure('ILLEGAL_GENERATION'), failure('REBALANCE_IN_PROGRESS')]);
  await committer.place(() => Promise.resolve());
  expect(offsets).toEqual(['7']);
});

it('tells what is not about the forming of the group', async () => {
  const { committer, offsets } = setUp([failure('GROUP_AUTHORIZATION_FAILED')]);
  await expect(committer.place(() => Promise.resolve())).rejects.toThrow('GROUP_AUTHORIZATION_FAILED');
  expect(offsets).toEqual([]);
});
