import { hooksOf, type Member } from './group-member.js';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: a group whose offset is not in the log any more reads on somewhere else, and nothing reports what it misses. Cause: the
 * client resets the offset by itself, without an event, and only to the start or the end that the subscription names.
 *
 * Public issue: none was found.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-offset-reset.spec.ts`, and against a broker `kafka-offsets.spec.ts`.
 */
export async function patchOffsetReset(): Promise<void> {
  const group = await internal<ConsumerGroup>(() => import('kafkajs/src/consumer/consumerGroup.js'));
  replaceFunction(
    group?.prototype,
    'recoverFromOffsetOutOfRange',
    (original) =>
      async function (error) {
        const hooks = hooksOf(this);
        if (hooks.length === 0) return original.call(this, error);
        const { topic, partition } = error;
        for (const hook of hooks) {
          const offset = await hook.outOfRange(topic, partition);
          if (offset !== undefined) this.seek({ topic, partition, offset: String(offset) });
        }
      },
  );
}

interface OutOfRangeError {
  readonly topic: string;
  readonly partition: number;
}

interface SeekingMember extends Member {
  seek(to: { readonly topic: string; readonly partition: number; readonly offset: string }): void;
}

interface ConsumerGroup {
  readonly prototype: {
    recoverFromOffsetOutOfRange?: (this: SeekingMember, error: OutOfRangeError) => Promise<void>;
  };
}
