import { patchStoppedCommit } from './patch-stopped-commit.js';

const OURS = { assigners: [{ beforeJoin: () => Promise.resolve() }] };
const ANOTHER = { assigners: [{}] };

async function commit(consumerGroup: object): Promise<void> {
  await patchStoppedCommit();
  const { default: Runner } = (await import('kafkajs/src/consumer/runner.js')) as {
    default: { prototype: { commitOffsets: (offsets: object) => Promise<void> } };
  };
  const stopped = { running: false, consumerGroup, logger: { debug: () => undefined } };
  await Runner.prototype.commitOffsets.call(stopped, {});
}

it('does not say that a stopped consumer has committed', async () => {
  await expect(commit(OURS)).rejects.toThrow('before the commit was confirmed');
});

it('leaves the consumers of others as they are', async () => {
  await expect(commit(ANOTHER)).resolves.toBeUndefined();
});
