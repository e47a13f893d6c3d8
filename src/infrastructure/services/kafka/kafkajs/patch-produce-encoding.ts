import { encodeProduce, isOurs, type ProduceData } from '../wire/produce-encoder.js';
import { internal, replaceFunction } from './internals.js';

/** Versions of the request that are the same on the wire. */
const VERSIONS = { from: 3, to: 7 };

/**
 * Symptom: encoding takes most of the time of publishing. Cause: the client builds a request from nested encoders that copy each record
 * several times. A request that holds only what this package publishes is encoded in one pass instead; all others are left to the client.
 *
 * Public issues: https://github.com/tulios/kafkajs/issues/383 (fixed for arrays only) and https://github.com/tulios/kafkajs/pull/475.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-produce-encoding.spec.ts`; that the bytes are the client's own, `produce-encoder.spec.ts`.
 */
export async function patchProduceEncoding(): Promise<void> {
  const produce = await internal<ProduceRequest>(
    () => import('kafkajs/src/protocol/requests/produce/index.js'),
  );
  replaceFunction(produce, 'protocol', (original) => ({ version }) => {
    const make = original({ version });
    if (version < VERSIONS.from || version > VERSIONS.to) return make;
    return (data) => {
      const made = make(data);
      if (isOurs(data)) {
        made.request.encode = () => {
          const buffer = encodeProduce(data);
          return Promise.resolve({ buf: buffer, buffer }); // what the client looks for in an encoder of its own
        };
      }
      return made;
    };
  });
}

interface ProduceRequest {
  protocol?: (of: {
    readonly version: number;
  }) => (data: ProduceData) => { readonly request: { encode: () => Promise<unknown> } };
}
