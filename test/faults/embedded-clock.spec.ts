import type { Clock } from '../../src/core/messaging/ports/transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { newDirectory } from '../conformance/embedded.factory.js';
import { describeClockJumps } from './clock-jumps.js';
import { bench, type Bench, closeAll } from './transport-bench.js';

afterEach(closeAll);

/** One for those who publish and those who consume: a directory belongs to one transport. */
let made: Promise<Bench<EmbeddedTransport>> | undefined;

async function connected(clock: Clock): Promise<Bench<EmbeddedTransport>> {
  const options = embeddedOptionsSchema.parse({ directory: newDirectory() });
  const opened = bench((context) => new EmbeddedTransport(options, context), 'embedded', clock);
  await opened.transport.connect();
  return opened;
}

describeClockJumps('embedded', (clock) => (made ??= connected(clock)));
