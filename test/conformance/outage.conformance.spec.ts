import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { SeverableTransport } from '../../src/testing/severable-transport.js';
import { createTransport } from './memory.factory.js';
import { describeTransport } from './transport-suite.js';

/** Neither transport has a broker that could go away, so that nothing else would run these cases. */
describeTransport(
  'Memory behind a line that can be cut',
  {
    tooLargeBytes: 2 * 2 ** 20,
    create: async (context) => new SeverableTransport(await createTransport(context), context.onEvent),
    outage: { kill: (line) => severable(line).sever(), restore: (line) => severable(line).restore() },
  },
  ['reconnecting', 'closing'],
);

function severable(transport: Transport): SeverableTransport {
  if (!(transport instanceof SeverableTransport)) throw new Error('This line cannot be cut.');
  return transport;
}
