import { join } from 'node:path';
import { createTransport as createEmbedded } from '../embedded.factory.js';
import { createTransport as createMemory } from '../memory.factory.js';
import { temporaryDirectory } from '../../support/demonstration.js';
import { type ConformanceOptions, describeTransport } from '../transport/index.js';
import { SEEDED_FAULTS, withFault } from './faults.js';

/**
 * The suite on a transport with a defect in it. Only `scripts/seed-faults.mjs` runs it, one fault at a time, and wants to
 * see it fail.
 */
const name = process.env['SEEDED_FAULT'] ?? '';
const fault = SEEDED_FAULTS[name];
const data = temporaryDirectory();
let directories = 0;
const directory = (): string => join(data.path, String(++directories));

if (fault) {
  afterAll(() => data.remove());
  describeTransport(
    `a transport that ${name}`,
    fault.durable
      ? durable()
      : { tooLargeBytes: 2 * 2 ** 20, create: async () => withFault(await createMemory(), fault) },
  );
} else {
  it('is given a fault by scripts/seed-faults.mjs', () => {
    expect(Object.keys(SEEDED_FAULTS)).toContain(name);
  });
}

function durable(): ConformanceOptions {
  return {
    tooLargeBytes: 2 * 2 ** 20,
    create: () => createEmbedded(directory()),
    reopen: async (transport) => {
      await transport.close();
      return createEmbedded(directory());
    },
    process: {
      module: 'test/conformance/seeded-faults/faulty.factory.ts',
      storage: directory,
      open: (storage) => createEmbedded(storage),
    },
  };
}
