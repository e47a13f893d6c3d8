import { join } from 'node:path';
import type { DeadLetterStore } from '../../../src/core/messaging/ports/dead-letter-store.js';
import type { Clock, Transport } from '../../../src/core/messaging/ports/transport.js';
import { EmbeddedDeadLetterStore } from '../../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { SeverableTransport } from '../../../src/testing/severable-transport.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { createTransport as createEmbedded } from '../embedded.factory.js';
import { createTransport as createMemory } from '../memory.factory.js';
import {
  type CaseContext,
  type ConformanceOptions,
  describeTransport,
  processOf,
} from '../transport-suite.js';
import { describeDeadLetterStore } from '../dead-letter-store.js';
import type { StoreOptions } from '../store-suite.js';
import { SEEDED_FAULTS, type SeededFault, withFault } from './faults.js';
import { SEEDED_STORE_FAULTS, type SeededStoreFault } from './store-faults.js';

const TOO_LARGE_BYTES = 2 * 2 ** 20;

/**
 * The suite on a transport or store with a defect in it. Only `scripts/seed-faults.mjs` runs it: one fault at a time, which the
 * suite has to notice, and each transport and store without a fault, which it has to pass.
 */
const name = process.env['SEEDED_FAULT'] ?? '';
const fault: SeededFault | undefined = SEEDED_FAULTS[name];
const storeFault: SeededStoreFault | undefined = SEEDED_STORE_FAULTS[name];
const data = temporaryDirectory();
const bases: Readonly<Record<string, () => ConformanceOptions>> = { memory, embedded, line };
const base = process.env['SEEDED_BASE'] ?? '';
const options = bases[base];

afterAll(() => data.remove());

if (base === 'letters' && (storeFault !== undefined || name === '')) {
  describeDeadLetterStore(storeFault ? `a store that ${name}` : 'a store without a fault', letters());
} else if (options && (fault !== undefined || name === '')) {
  const patienceMs = process.env['CONFORMANCE_PATIENCE_MS'];
  describeTransport(fault ? `a transport that ${name}` : 'a transport without a fault', {
    ...options(),
    ...(patienceMs !== undefined && { patienceMs: Number(patienceMs) }),
  });
} else {
  it('is given a transport and a fault by scripts/seed-faults.mjs', () => {
    const faults = [...Object.keys(SEEDED_FAULTS), ...Object.keys(SEEDED_STORE_FAULTS)];
    expect([faults, [...Object.keys(bases), 'letters']]).toEqual([name, base]);
  });
}

function letters(): StoreOptions<DeadLetterStore> {
  const directories = new WeakMap<DeadLetterStore, string>();
  let count = 0;
  const open = (directory: string, clock: Clock): DeadLetterStore => {
    const store = withFault<DeadLetterStore>(new EmbeddedDeadLetterStore({ directory, clock }), storeFault);
    directories.set(store, directory);
    return store;
  };
  return {
    create: async (clock) => open(join(data.path, `letters-${++count}`), clock),
    reopen: async (store, clock) => {
      await store.close();
      return open(directories.get(store) ?? '', clock);
    },
  };
}

function memory(): ConformanceOptions {
  return {
    tooLargeBytes: TOO_LARGE_BYTES,
    replies: true,
    repliesStayInProcess: true,
    create: async (context) => withFault(await createMemory(context), fault),
  };
}

function line(): ConformanceOptions {
  return {
    tooLargeBytes: TOO_LARGE_BYTES,
    create: async (context) =>
      withFault(new SeverableTransport(await createMemory(context), context.onEvent), fault),
    outage: {
      kill: (transport) => (transport as SeverableTransport).sever(),
      restore: (transport) => (transport as SeverableTransport).restore(),
    },
  };
}

function embedded(): ConformanceOptions {
  const storages = new WeakMap<Transport, string>();
  const here = fault?.onlyInChild === true ? undefined : fault;
  let directories = 0;
  const storage = (): string => join(data.path, String(++directories));
  const open = async (place: string, context?: CaseContext): Promise<Transport> => {
    const transport = withFault(await createEmbedded(place, context), here);
    storages.set(transport, place);
    return transport;
  };
  return {
    tooLargeBytes: TOO_LARGE_BYTES,
    create: (context) => open(storage(), context),
    reopen: async (transport) => {
      await transport.close();
      return open(fault?.losesStorage === true ? storage() : (storages.get(transport) ?? storage()));
    },
    process: { command: processOf('test/conformance/seeded-faults/faulty.factory.ts'), storage, open },
  };
}
