import { systemClock } from '../../src/core/messaging/index.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { memoryTransport } from '../support/messaging-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { describeDatabaseOutage } from './database-outage.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

describeDatabaseOutage('memory', async () => memoryTransport('main'));
describeDatabaseOutage('embedded', async (name) => {
  const options = embeddedOptionsSchema.parse({ directory: `${data.path}/${name}` });
  return new EmbeddedTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined });
});
