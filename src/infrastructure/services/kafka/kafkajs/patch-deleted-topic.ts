import { hooksOf, type Member } from './group-member.js';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: after a topic was deleted and created again, its first messages are never read. Cause: the client joins again,
 * continues at its position in the old topic, and commits there. A consumer that ends here begins at the group's position.
 *
 * Public issue: none was found for consumers; https://github.com/tulios/kafkajs/issues/1622 is about producers.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-deleted-topic.spec.ts`, and against a broker `kafka-bad-servers.spec.ts`, "a deleted topic is created again, and
 * publishing and consuming resume from its beginning".
 */
export async function patchDeletedTopic(): Promise<void> {
  const group = await internal<ConsumerGroup>(() => import('kafkajs/src/consumer/consumerGroup.js'));
  replaceFunction(
    group?.prototype,
    'recoverFromFetch',
    (original) =>
      async function (error) {
        if (error.type !== 'UNKNOWN_TOPIC_OR_PARTITION' || hooksOf(this).length === 0)
          return original.call(this, error);
        error.retriable = false;
        throw error;
      },
  );
}

interface FetchError extends Error {
  readonly type?: string;
  retriable?: boolean;
}

interface ConsumerGroup {
  readonly prototype: { recoverFromFetch?: (this: Member, error: FetchError) => Promise<void> };
}
