import { ClientClosedError } from '../client/kafka-errors.js';
import { hooksOf, type Member } from './group-member.js';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: offsets that the client called committed are not, and their messages come again. Cause: `commitOffsets` of a consumer
 * that has crashed or was stopped resolves without having sent anything.
 *
 * Public issue: none was found. The method came with https://github.com/tulios/kafkajs/pull/436.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-stopped-commit.spec.ts`.
 */
export async function patchStoppedCommit(): Promise<void> {
  const runner = await internal<Runner>(() => import('kafkajs/src/consumer/runner.js'));
  replaceFunction(
    runner?.prototype,
    'commitOffsets',
    (original) =>
      async function (offsets) {
        await original.call(this, offsets);
        if (!this.running && hooksOf(this.consumerGroup).length > 0)
          throw new ClientClosedError('The consumer was stopped before the commit was confirmed.');
      },
  );
}

interface Runner {
  readonly prototype: {
    commitOffsets?: (
      this: { readonly running: boolean; readonly consumerGroup: Member },
      offsets: object,
    ) => Promise<void> | undefined;
  };
}
