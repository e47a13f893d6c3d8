import { join } from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { describeOperationsKill } from './operations-kill.js';

const directory = temporaryDirectory();

afterAll(() => directory.remove());

describeOperationsKill('Embedded', false, () => ({
  transports: { main: { kind: 'embedded', directory: join(directory.path, 'log') } },
  deadLetters: { store: 'embedded', directory: join(directory.path, 'letters') },
  idempotency: { store: 'memory' },
  control: { store: 'embedded', directory: join(directory.path, 'control') },
}));
