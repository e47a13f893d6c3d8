import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import type { CaseContext } from './transport-suite.js';

/** A connected embedded transport as the suite wants it. */
export async function createTransport(
  directory: string,
  { onEvent = () => undefined, clock = systemClock }: Partial<CaseContext> = {},
): Promise<Transport> {
  const options = embeddedOptionsSchema.parse({ directory, maxMessageBytes: 2 ** 20 + 1_000 });
  const transport = new EmbeddedTransport(options, {
    name: 'embedded',
    clock,
    onEvent,
  });
  await transport.connect();
  return transport;
}

/** A directory that nobody has used. */
export function newDirectory(): string {
  return join(mkdtempSync(join(tmpdir(), 'switchyard-embedded-')), 'data');
}
