import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';

/** What a process consumes until it is ended. */
export interface GroupTask {
  /** Exports `createTransport(storage)`. */
  readonly module: string;
  readonly storage: string;
  readonly group: string;
  readonly ordering: 'none' | 'key';
}

/** Written at once, so that nothing of it is lost with the process. */
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** Consumes the topic "t" as one group, and says the id of each message. */
async function main({ module, storage, group, ordering }: GroupTask): Promise<void> {
  const { createTransport } = (await import(pathToFileURL(resolve(module)).href)) as {
    createTransport: (storage: string) => Promise<Transport>;
  };
  const transport = await createTransport(storage);
  await transport.consume({ topic: 't', group, concurrency: 10, ordering }, ({ message }) => {
    say(message.id);
    return Promise.resolve({ kind: 'ack' });
  });
  say('consuming');
}

endWithParent();
main(JSON.parse(process.argv[2] ?? '') as GroupTask).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
