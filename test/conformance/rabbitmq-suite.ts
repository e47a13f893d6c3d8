import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import type { RabbitmqCluster } from '../support/brokers/rabbitmq-cluster.js';
import { createTransport } from './rabbitmq.factory.js';
import { rabbitmqForeign } from './rabbitmq-foreign.js';
import { type CaseContext, type ConformanceOptions, processOf } from './transport-suite.js';

/**
 * A node writes its list of quorum queues now and then, later on a busy disk. A queue that is younger when the node is killed comes back dead,
 * with any client; nothing that was confirmed in an older one is ever lost.
 */
const REMEMBERS_QUEUES_MS = 5_000;

/** What every RabbitMQ brings to the suite: each case has a prefix of its own, and nothing else is shared. */
export function rabbitmqConformance(
  cluster: () => RabbitmqCluster,
  options: () => object,
): ConformanceOptions {
  const storages = new Map<Transport, string>();
  const storage = (): string =>
    JSON.stringify({
      urls: cluster().urls,
      namePrefix: `switchyard.${randomUUID().slice(0, 8)}.`,
      ...options(),
    });
  const open = async (place: string, context?: CaseContext): Promise<Transport> => {
    const transport = await createTransport(place, context);
    storages.set(transport, place);
    return transport;
  };
  const namePrefixOf = (transport: Transport): string =>
    (JSON.parse(storages.get(transport)!) as { namePrefix: string }).namePrefix;
  return {
    keepsGroups: true,
    replies: true,
    tooLargeBytes: 2 * 2 ** 20,
    ...rabbitmqForeign(() => cluster().urls, namePrefixOf),
    refusedRetry: { large: 'x'.repeat(2 * 2 ** 20) },
    create: (context) => open(storage(), context),
    beside: (transport, context) => open(storages.get(transport)!, context),
    reopen: async (transport) => {
      await transport.close();
      return open(storages.get(transport)!);
    },
    process: { command: processOf('test/conformance/rabbitmq.factory.ts'), storage, open },
    outage: {
      kill: async () => {
        await wait(REMEMBERS_QUEUES_MS);
        await Promise.all(cluster().nodes.map((node) => node.kill()));
      },
      restore: () => cluster().restore(),
      isOfAll: true,
    },
  };
}
