import { systemClock } from '../../src/core/messaging/index.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { describeMessageSecrets } from '../support/message-secrets-suite.js';
import { memoryTransport } from '../support/messaging-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

describeMessageSecrets('memory', async () => ({ transports: [memoryTransport('main')] }));
describeMessageSecrets('embedded', async () => {
  const options = embeddedOptionsSchema.parse({ directory: `${data.path}/log` });
  return {
    transports: [
      new EmbeddedTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined }),
    ],
    deadLetters: new EmbeddedDeadLetterStore({ directory: `${data.path}/letters` }),
  };
});
