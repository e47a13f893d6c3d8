import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { isTransient } from '../client/kafka-errors.js';
import { hooksOf, type Member } from './group-member.js';
import { internal, replaceFunction } from './internals.js';

const JOIN_TRIES = 100;
const JOIN_RETRY_MS = 200;

/**
 * Symptom: with every rebalance, messages in flight are delivered a second time, to the next owner of their partition. Cause: the
 * client gives partitions up without a hook, so that nothing can be finished and committed before. Besides, a broker that has just
 * become the coordinator refuses the join, which ends the client's consumer: the group then waits until that member times out.
 *
 * Public issues: https://github.com/tulios/kafkajs/issues/28 and https://github.com/tulios/kafkajs/issues/916 (nothing is asked
 * before a rebalance); https://github.com/tulios/kafkajs/pull/1598 (a join that is refused while the coordinator loads).
 * Versions: 2.2.4, the last one.
 * Proof: `patch-rejoin.spec.ts`.
 */
export async function patchRejoin(): Promise<void> {
  const group = await internal<ConsumerGroup>(() => import('kafkajs/src/consumer/consumerGroup.js'));
  replaceFunction(
    group?.prototype,
    'joinAndSync',
    (original) =>
      async function () {
        for (const hook of hooksOf(this)) await hook.beforeJoin(() => keepAlive(this));
        for (let tries = 1; ; tries += 1)
          try {
            await original.call(this);
            return;
          } catch (error) {
            if (tries === JOIN_TRIES || !isTransient(error)) throw error;
            await pause(JOIN_RETRY_MS); // as the same member: the group would wait for the death of another
          }
      },
  );
}

interface ConsumerGroup {
  readonly prototype: { joinAndSync?: (this: Member) => Promise<void> };
}

/** A group that rebalances answers with an error, and counts the heartbeat all the same. */
async function keepAlive({ groupId, memberId, generationId, coordinator }: Member): Promise<void> {
  if (!memberId) return;
  await coordinator?.heartbeat({ groupId, memberId, groupGenerationId: generationId }).catch(() => undefined);
}
