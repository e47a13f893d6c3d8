import { pathToFileURL } from 'node:url';
import type { Settlement, Transport } from '../../../src/core/messaging/ports/transport.js';
import { endWithParent } from '../../support/end-with-parent.js';

/** What the parent asks of a process that it is going to kill. */
export interface ChildTask {
  readonly module: string;
  readonly storage: string;
  readonly topic: string;
  /** Publishes one call after the other until it is killed, or consumes. */
  readonly role: 'publish' | 'consume';
  readonly concurrency: number;
  /** Deliveries to settle before the next is held for ever. */
  readonly settleFirst: number;
  /** Those are to be retried after this long; without, they are acknowledged. */
  readonly retryMs?: number;
  /** The retries count no attempt. */
  readonly isUncounted?: boolean;
}

/** A line on standard output: `accepted ID`, `delivered ID ATTEMPT` or `settled ID`. */
const say = (...words: (string | number)[]): boolean => process.stdout.write(`${words.join(' ')}\n`);

async function consume(
  transport: Transport,
  { topic, concurrency, settleFirst, retryMs, isUncounted }: ChildTask,
): Promise<void> {
  const settlement: Settlement =
    retryMs === undefined
      ? { kind: 'ack' }
      : {
          kind: 'retry',
          delayMs: retryMs,
          headers: { again: 'yes' },
          ...(isUncounted === true && { countsAttempt: false }),
        };
  let count = 0;
  await transport.consume({ topic, group: 'g', concurrency, ordering: 'none' }, ({ message, attempt }) => {
    say('delivered', message.id, attempt);
    if (++count > settleFirst) return new Promise<Settlement>(() => undefined);
    return Promise.resolve(settlement);
  });
}

async function publish(transport: Transport, { topic }: ChildTask): Promise<void> {
  for (let call = 0; ; call++) {
    const messages = Array.from({ length: 20 }, (_, index) => ({
      id: `${call}-${index}`,
      headers: {},
      body: Buffer.from('x'),
    }));
    const outcomes = await transport.publish({ topic }, messages, { deadlineMs: 10_000 });
    outcomes.forEach(
      (outcome, index) => outcome.kind === 'accepted' && say('accepted', messages[index]?.id ?? ''),
    );
  }
}

async function main(): Promise<void> {
  endWithParent();
  const task = JSON.parse(process.argv[2] ?? '') as ChildTask;
  const { createTransport } = (await import(pathToFileURL(task.module).href)) as {
    createTransport: (storage: string) => Promise<Transport>;
  };
  const transport = await createTransport(task.storage);
  await (task.role === 'publish' ? publish(transport, task) : consume(transport, task));
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
