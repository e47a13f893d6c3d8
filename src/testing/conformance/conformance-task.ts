import type { Settlement, Transport } from '../../core/messaging/ports/transport.js';
import { endWithParent } from './end-with-parent.js';

/** What the parent asks of a process that it is going to kill. */
export interface ConformanceTask {
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
  { topic, concurrency, settleFirst, retryMs, isUncounted }: ConformanceTask,
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

async function publish(transport: Transport, { topic }: ConformanceTask): Promise<void> {
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

/**
 * The program of a process that the suite kills: does what the last argument of the process asks for, and reports it on the
 * standard output. It ends with the process that started it. A failure is written to the standard error and ends it with 1.
 *
 * @param createTransport opens a transport, connected, on the storage that `storage()` of the options has named.
 */
export async function runConformanceTask(
  createTransport: (storage: string) => Promise<Transport>,
): Promise<void> {
  endWithParent();
  try {
    const task = taskOf(process.argv.at(-1) ?? '');
    const transport = await createTransport(task.storage);
    await (task.role === 'publish' ? publish(transport, task) : consume(transport, task));
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  }
}

function taskOf(argument: string): ConformanceTask {
  try {
    return JSON.parse(argument) as ConformanceTask;
  } catch {
    throw new Error('The conformance suite starts this program, and adds a task as its last argument.');
  }
}
