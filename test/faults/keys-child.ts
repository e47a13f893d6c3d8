import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';

/** What a process consumes with until it is killed. */
export interface KeysTask {
  /** Exports `createTransport(storage)`. */
  readonly module: string;
  readonly storage: string;
}

/**
 * Written at once, so that nothing of it is lost with the process, with the time on the clock that all processes of a machine share: their
 * parent may read what they say in another order.
 */
const say = (...words: (string | number)[]): boolean =>
  process.stdout.write(`${[...words, process.hrtime.bigint()].join(' ')}\n`);

/** Consumes in the order of keys, slowly, and tells when each message begins and ends. */
async function main({ module, storage }: KeysTask): Promise<void> {
  const { createTransport } = (await import(pathToFileURL(resolve(module)).href)) as {
    createTransport: (storage: string) => Promise<Transport>;
  };
  const transport = await createTransport(storage);
  const subscription = { topic: 't', group: 'g', concurrency: 10, ordering: 'key' } as const;
  await transport.consume(subscription, async ({ message, attempt }) => {
    say('begin', message.key ?? '', message.id, attempt);
    await wait(5);
    say('end', message.key ?? '', message.id, attempt);
    return { kind: 'ack' };
  });
  say('consuming');
}

endWithParent();
main(JSON.parse(process.argv[2] ?? '') as KeysTask).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
