import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';
import { SPOOL_TOPIC, openSpooled } from './spool-bench.js';

export interface SpoolTask {
  readonly directory: string;
}

/** Publishes without end into a spool whose transport is gone, and tells what was accepted. */
async function main({ directory }: SpoolTask): Promise<void> {
  const { transport, sever } = await openSpooled(directory);
  await sever();
  for (let number = 0; ; number += 10) {
    const messages = Array.from({ length: 10 }, (_, nth) => ({
      id: String(number + nth),
      key: `k${nth % 5}`,
      headers: {},
      body: Buffer.from('x'),
    }));
    const outcomes = await transport.publish({ topic: SPOOL_TOPIC }, messages, { deadlineMs: 5_000 });
    const ids = messages.filter((_, nth) => outcomes[nth]?.kind === 'accepted').map(({ id }) => id);
    process.stdout.write(`${ids.join(' ')}\n`);
  }
}

endWithParent();
main(JSON.parse(process.argv[2] ?? '') as SpoolTask).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
