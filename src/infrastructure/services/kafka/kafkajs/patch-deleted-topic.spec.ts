import { patchDeletedTopic } from './patch-deleted-topic.js';

interface Recovering {
  recoverFromFetch: (error: Error) => Promise<void>;
}

/** What a member does about a topic that is not there any more. */
async function recover(assigners: readonly object[], error: Error): Promise<readonly string[]> {
  await patchDeletedTopic();
  const { default: ConsumerGroup } = (await import('kafkajs/src/consumer/consumerGroup.js')) as {
    default: { prototype: Recovering };
  };
  const done: string[] = [];
  await ConsumerGroup.prototype.recoverFromFetch.call(
    {
      assigners,
      logger: { debug: () => undefined },
      cluster: { refreshMetadata: async () => void done.push('refresh') },
      joinAndSync: async () => void done.push('join'),
    },
    error,
  );
  return done;
}

const GONE = { type: 'UNKNOWN_TOPIC_OR_PARTITION' };
const OURS = [{ beforeJoin: () => Promise.resolve() }];

it('ends a consumer whose topic is gone', async () => {
  const error = Object.assign(new Error('gone'), GONE, { retriable: true });
  await expect(recover(OURS, error)).rejects.toBe(error);
  expect(error.retriable).toBe(false);
});

it.each([
  ['the consumers of others', [{}], GONE],
  ['any other failure', OURS, { type: 'LEADER_NOT_AVAILABLE' }],
])('leaves %s to the client', async (_, assigners, about) => {
  expect(await recover(assigners, Object.assign(new Error('x'), about))).toEqual(['refresh', 'join']);
});
