import { patchOffsetReset } from './patch-offset-reset.js';

interface Recovering {
  recoverFromOffsetOutOfRange: (error: object) => Promise<void>;
}

/** What a member does about an offset that is not in the log. */
async function recover(assigners: readonly object[]): Promise<readonly unknown[]> {
  await patchOffsetReset();
  const { default: ConsumerGroup } = (await import('kafkajs/src/consumer/consumerGroup.js')) as {
    default: { prototype: Recovering };
  };
  const done: unknown[] = [];
  await ConsumerGroup.prototype.recoverFromOffsetOutOfRange.call(
    {
      assigners,
      preferredReadReplicasPerTopicPartition: {},
      logger: { error: () => undefined },
      offsetManager: { setDefaultOffset: async () => void done.push('default') },
      seek: (to: object) => void done.push(to),
    } as unknown as Recovering,
    { topic: 't', partition: 3 },
  );
  return done;
}

const ours = (offset: number | undefined): object => ({
  beforeJoin: () => Promise.resolve(),
  outOfRange: () => Promise.resolve(offset),
});

it.each([
  ['continues where the hook says', ours(40), [{ topic: 't', partition: 3, offset: '40' }]],
  ['continues nowhere when the hook names no offset', ours(undefined), []],
  ['leaves the consumers of others to the client', {}, ['default']],
])('%s', async (_, assigner, done) => {
  expect(await recover([assigner])).toEqual(done);
});
