import { isClosedClient } from '../client/kafka-errors.js';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: a process lives on for minutes after its last consumer is closed, without a connection.
 * Cause: a consumer that joins its group while it is disconnected tries on, and its loops of retries stand in each other: the time
 * of one multiplies with that of the next. For a client that is closed permanently, no attempt can succeed.
 *
 * Public issue: https://github.com/tulios/kafkajs/issues/1147.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-closed-client.spec.ts`.
 */
export async function patchClosedClient(): Promise<void> {
  const connection = await internal<Connection>(() => import('kafkajs/src/network/connection.js'));
  replaceFunction(
    connection?.prototype,
    'connect',
    (original) =>
      async function (this: unknown) {
        try {
          return await original.call(this);
        } catch (error) {
          if (isClosedClient(error)) (error as { retriable?: boolean }).retriable = false;
          throw error;
        }
      },
  );
}

interface Connection {
  readonly prototype: { connect?: (this: unknown) => Promise<unknown> };
}
