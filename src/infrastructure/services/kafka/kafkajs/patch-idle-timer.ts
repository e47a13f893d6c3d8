import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: an idle process uses several per cent of a processor, and Node 24 prints `TimeoutNegativeWarning`. Cause: a connection
 * with nothing to send sets a timer whose time is over already, for ever.
 *
 * Public issues: https://github.com/tulios/kafkajs/issues/1556, https://github.com/tulios/kafkajs/issues/1704 and
 * https://github.com/tulios/kafkajs/issues/1751; not fixed in a release.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-idle-timer.spec.ts`, and against a broker `kafka-bad-servers.spec.ts`, "an idle transport sets no timer again and again".
 */
export async function patchIdleTimer(): Promise<void> {
  const queue = await internal<RequestQueue>(() => import('kafkajs/src/network/requestQueue/index.js'));
  replaceFunction(
    queue?.prototype,
    'scheduleCheckPendingRequests',
    (original) =>
      function () {
        if (this.pending?.length !== 0) original.call(this);
      },
  );
}

interface RequestQueue {
  readonly prototype: {
    scheduleCheckPendingRequests?: (this: { readonly pending?: readonly unknown[] }) => void;
  };
}
