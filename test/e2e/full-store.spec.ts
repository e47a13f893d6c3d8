import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { createTransport, newDirectory } from '../conformance/embedded.factory.js';
import { closeOperations } from '../support/operations-app.js';
import { expectMessagesOfAFullStoreToStay } from '../faults/full-store.js';

afterEach(closeOperations);

it('messages whose dead letters have no room stay on their broker, and use no attempt', async () => {
  const store = new EmbeddedDeadLetterStore({ directory: newDirectory() });
  await expectMessagesOfAFullStoreToStay(await createTransport(newDirectory()), store);
}, 180_000);
