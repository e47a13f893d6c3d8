import type { Transport } from '../../../src/core/messaging/ports/transport.js';
import { createTransport as createEmbedded } from '../embedded.factory.js';
import { SEEDED_FAULTS, withFault } from './faults.js';

/** What the child process of the crash cases loads: the durable transport with the fault in it. */
export async function createTransport(storage: string): Promise<Transport> {
  return withFault(await createEmbedded(storage), SEEDED_FAULTS[process.env['SEEDED_FAULT'] ?? '']);
}
