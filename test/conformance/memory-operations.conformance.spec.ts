import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryControlStore } from '../../src/core/messaging/transport-kit/memory-control-store.js';
import { EmbeddedControlStore } from '../../src/infrastructure/services/embedded/embedded-control.store.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { describeOperations } from './operations.js';

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

describeOperations('Memory', async () => ({
  control: new MemoryControlStore({}),
  letters: new MemoryDeadLetterStore({}),
}));
describeOperations('Embedded', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-operations-'));
  directories.push(directory);
  return {
    control: new EmbeddedControlStore({ directory: join(directory, 'control') }),
    letters: new EmbeddedDeadLetterStore({ directory: join(directory, 'letters') }),
  };
});
