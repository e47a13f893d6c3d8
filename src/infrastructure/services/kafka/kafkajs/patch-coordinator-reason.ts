import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: a group that is not permitted any more fails with "Failed to find group coordinator", which names neither the permission
 * nor anything else. Cause: the client asks each broker for the coordinator and drops what they answer. One broker is asked once more,
 * and its answer is what the caller gets.
 *
 * Public issue: https://github.com/tulios/kafkajs/issues/1654.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-coordinator-reason.spec.ts`, and against a broker `kafka-interrupted.spec.ts`.
 */
export async function patchCoordinatorReason(): Promise<void> {
  const cluster = await internal<Cluster>(() => import('kafkajs/src/cluster/index.js'));
  replaceFunction(
    cluster?.prototype,
    'findGroupCoordinatorMetadata',
    (original) =>
      async function (of) {
        try {
          return await original.call(this, of);
        } catch (error) {
          if ((error as Error).name !== 'KafkaJSGroupCoordinatorNotFound') throw error;
          return await (await this.brokerPool.findConnectedBroker()).findGroupCoordinator(of);
        }
      },
  );
}

type Find = (of: { readonly groupId: string }) => Promise<unknown>;

interface Searching {
  readonly brokerPool: { findConnectedBroker(): Promise<{ readonly findGroupCoordinator: Find }> };
}

interface Cluster {
  readonly prototype: {
    findGroupCoordinatorMetadata?: (this: Searching, of: { readonly groupId: string }) => Promise<unknown>;
  };
}
