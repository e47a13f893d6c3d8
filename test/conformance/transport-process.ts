import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { runConformanceTask } from '../../src/testing/conformance/conformance-task.js';

/** The process of the cases that kill one. Its first argument is the module of a transport, which exports `createTransport`. */
const module = pathToFileURL(resolve(process.argv[2] ?? '')).href;

void runConformanceTask(async (storage) => {
  const { createTransport } = (await import(module)) as {
    createTransport: (storage: string) => Promise<Transport>;
  };
  return createTransport(storage);
});
