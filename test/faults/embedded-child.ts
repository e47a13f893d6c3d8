import { appendFileSync } from 'node:fs';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';

/** What a child process of the fault tests does with the directory until it is killed. */
export interface ChildTask {
  readonly directory: string;
  readonly role: 'hold' | 'work' | 'fill';
  /** File that outlives the process: `accepted ID`, `started ID ATTEMPT` and `handled ID`, a line each. */
  readonly journal: string;
  /** Begins the ids that it publishes. */
  readonly prefix: string;
  readonly umask?: number;
}

const TOPIC = 'orders';

async function work(transport: Transport, { journal, prefix }: ChildTask): Promise<void> {
  const note = (line: string): void => appendFileSync(journal, `${line}\n`);
  await transport.consume(
    { topic: TOPIC, group: 'g', concurrency: 8, ordering: 'none' },
    async ({ message, attempt }) => {
      note(`started ${message.id} ${attempt}`);
      await new Promise((resolve) => setTimeout(resolve, Number(message.headers['sleepMs'])));
      if (message.headers['retry'] === 'yes' && attempt === 1) return { kind: 'retry', delayMs: 20 };
      note(`handled ${message.id}`);
      return { kind: 'ack' };
    },
  );
  process.stdout.write('ready\n');
  for (let call = 0; ; call += 1) {
    const messages = Array.from({ length: 1 + (call % 7) }, (_, index) => ({
      id: `${prefix}-${call}-${index}`,
      headers: { sleepMs: String(call % 5), retry: index === 3 ? 'yes' : 'no' },
      body: Buffer.alloc((call * 37) % 3_000),
    }));
    const delay = call % 4 === 3 ? { delayMs: 30 } : {};
    const outcomes = await transport.publish({ topic: TOPIC }, messages, { deadlineMs: 10_000, ...delay });
    const accepted = messages.filter((_, index) => outcomes[index]?.kind === 'accepted');
    if (accepted.length > 0) note(accepted.map(({ id }) => `accepted ${id}`).join('\n'));
    // Keeps the backlog of a round within what the next one can read.
    if (call % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Publishes until the transport says that it cannot, and prints how it went. */
async function fill(transport: Transport): Promise<void> {
  let accepted = 0;
  for (;;) {
    const message = { id: `f-${accepted}`, headers: {}, body: Buffer.alloc(50_000, 7) };
    const [outcome] = await transport.publish({ topic: TOPIC }, [message], { deadlineMs: 10_000 });
    if (outcome?.kind !== 'accepted') {
      process.stdout.write(`${JSON.stringify({ accepted, kind: outcome?.kind })}\n`);
      break;
    }
    accepted += 1;
  }
  const received: string[] = [];
  await transport.consume({ topic: TOPIC, group: 'g', concurrency: 4, ordering: 'none' }, ({ message }) => {
    received.push(message.id);
    if (received.length === accepted) process.stdout.write(`${JSON.stringify({ received: accepted })}\n`);
    return Promise.resolve({ kind: 'ack' });
  });
}

async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '') as ChildTask;
  if (task.umask !== undefined) process.umask(task.umask);
  const options = embeddedOptionsSchema.parse({ directory: task.directory });
  const transport = new EmbeddedTransport(options, {
    name: 'child',
    clock: systemClock,
    onEvent: () => undefined,
  });
  endWithParent();
  await transport.connect();
  if (task.role === 'work') await work(transport, task);
  else if (task.role === 'fill') await fill(transport);
  else process.stdout.write('ready\n');
}

main().catch((error: unknown) => {
  process.stdout.write(
    `${JSON.stringify({ error: (error as { code?: string }).code, message: String(error) })}\n`,
  );
  process.exit(2);
});
