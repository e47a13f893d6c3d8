import { ClientClosedError } from '../client/kafka-errors.js';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: a process hangs at full load of a processor, and no timer or socket is served again. Cause: a consumer that is stopped
 * while it replaces its fetchers, as it does when the set of brokers changes, still starts the new ones, which fetch nothing from a
 * stopped consumer in a loop without a wait.
 *
 * Public issue: https://github.com/tulios/kafkajs/issues/1384 is the same loop without brokers. That one is fixed
 * (https://github.com/tulios/kafkajs/pull/1402); for a stopped consumer none was found.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-stopped-fetch.spec.ts`.
 */
export async function patchStoppedFetch(): Promise<void> {
  const runner = await internal<Runner>(() => import('kafkajs/src/consumer/runner.js'));
  replaceFunction(
    runner?.prototype,
    'fetch',
    (original) =>
      function (nodeId) {
        if (!this.running) return Promise.reject(new ClientClosedError('The consumer was stopped.'));
        return original.call(this, nodeId);
      },
  );
}

interface Runner {
  readonly prototype: {
    fetch?: (this: { readonly running: boolean }, nodeId: string) => Promise<unknown>;
  };
}
