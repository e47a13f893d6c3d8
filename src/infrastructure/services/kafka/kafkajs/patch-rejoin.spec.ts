import { patchRejoin } from './patch-rejoin.js';

/** Joins as a member whose tries to join end like this, and notes what happens. */
async function join(...ends: readonly (Error | undefined)[]): Promise<readonly string[]> {
  await patchRejoin();
  const { default: ConsumerGroup } = (await import('kafkajs/src/consumer/consumerGroup.js')) as {
    default: { prototype: { joinAndSync: () => Promise<void> } };
  };
  const seen: string[] = [];
  const left = [...ends];
  await ConsumerGroup.prototype.joinAndSync.call({
    groupId: 'g',
    memberId: 'm',
    generationId: 3,
    coordinator: { heartbeat: async () => void seen.push('heartbeat') },
    assigners: [
      {
        beforeJoin: async (keepAlive: () => Promise<void>) => {
          seen.push('asked');
          await keepAlive();
        },
      },
    ],
    retrier: async () => {
      seen.push('join');
      const error = left.shift();
      if (error) throw error;
    },
  });
  return seen;
}

const failure = (type: string): Error => Object.assign(new Error(type), { type });

it('asks before it joins again, and keeps the member alive meanwhile', async () => {
  expect(await join()).toEqual(['asked', 'heartbeat', 'join']);
});

it('joins again as the same member after a failure that passes', async () => {
  expect(await join(failure('GROUP_LOAD_IN_PROGRESS'))).toEqual(['asked', 'heartbeat', 'join', 'join']);
});

it('ends with any other failure', async () => {
  await expect(join(failure('GROUP_AUTHORIZATION_FAILED'))).rejects.toThrow('GROUP_AUTHORIZATION_FAILED');
});
