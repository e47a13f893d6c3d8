import { join } from 'node:path';
import { systemClock, type Transport } from 'switchyard';
import { type CaseContext, describeTransport, type TestFramework } from 'switchyard/testing/conformance';
import { FolderTransport } from './folder.transport.js';

/** Arguments of Node that start `conformance-process.ts`. Compiled, it needs no `--import`. */
const PROCESS = [
  '--import',
  '@swc-node/register/esm-register',
  'examples/custom-transport/conformance-process.ts',
];

/** A connected transport as the suite wants it. */
export async function openFolder(
  directory: string,
  { onEvent = () => undefined, clock = systemClock }: Partial<CaseContext> = {},
): Promise<Transport> {
  const transport = new FolderTransport({ directory }, { name: 'folder', onEvent, clock });
  await transport.connect();
  return transport;
}

/**
 * The conformance suite on this transport.
 *
 * @param framework `{ describe, it, expect }` of Jest or vitest.
 * @param directory for the folders of the cases; the caller removes it.
 */
export function describeFolderTransport(framework: TestFramework, directory: string): void {
  const folders = new Map<Transport, string>();
  let count = 0;
  const storage = (): string => join(directory, String(++count));
  const openNoting = async (folder: string, context?: CaseContext): Promise<Transport> => {
    const transport = await openFolder(folder, context);
    folders.set(transport, folder);
    return transport;
  };
  describeTransport(framework, 'A folder', {
    tooLargeBytes: 2 * 2 ** 20,
    create: (context) => openNoting(storage(), context),
    reopen: async (transport) => {
      await transport.close();
      return openNoting(folders.get(transport) ?? storage());
    },
    process: { command: PROCESS, storage, open: openFolder },
  });
}
