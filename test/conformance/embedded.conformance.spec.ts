import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { createTransport, newDirectory } from './embedded.factory.js';
import { type CaseContext, describeTransport, processOf } from './transport-suite.js';

const directories = new Map<Transport, string>();
const used: string[] = [];

function directory(): string {
  const made = newDirectory();
  used.push(dirname(made));
  return made;
}

async function open(storage: string, context?: CaseContext): Promise<Transport> {
  const transport = await createTransport(storage, context);
  directories.set(transport, storage);
  return transport;
}

afterAll(() => {
  for (const one of used) rmSync(one, { recursive: true, force: true });
});

describeTransport('Embedded', {
  keepsGroups: true,
  replies: true,
  repliesStayInProcess: true,
  tooLargeBytes: 2 * 2 ** 20,
  create: (context) => open(directory(), context),
  reopen: async (transport) => {
    await transport.close();
    return open(directories.get(transport)!);
  },
  process: { command: processOf('test/conformance/embedded.factory.ts'), storage: directory, open },
});
