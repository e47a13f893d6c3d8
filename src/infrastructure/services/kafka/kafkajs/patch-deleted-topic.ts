import { hooksOf, type Member } from './group-member.js';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: after a topic was deleted and created again, its first messages are never read. Cause: the client joins again as if
 * nothing had happened, and reads on, and commits, where it was in the old topic. A consumer that ends here begins where the group is.
 *
 * Public issue: none was found for consumers; https://github.com/tulios/kafkajs/issues/1622 is about producers.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-deleted-topic.spec.ts`, and against a broker `kafka-bad-servers.spec.ts`, "a topic that somebody deletes is created
 * again, and publishing and consuming go on from its beginning".
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
