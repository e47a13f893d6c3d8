import { randomUUID } from 'node:crypto';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import type { KafkaCluster } from '../support/brokers/kafka-cluster.js';
import { createTransport } from './kafka.factory.js';
import { kafkaForeign } from './kafka-foreign.js';
import { type CaseContext, type ConformanceOptions, processOf } from './transport-suite.js';

/**
 * What every Kafka brings to the suite. Cases have topics of their own and share those of waiting messages, of which a broker that
 * is killed would have hundreds to recover otherwise.
 */
export function kafkaConformance(cluster: () => KafkaCluster, options: () => object): ConformanceOptions {
  const storages = new Map<Transport, string>();
  const namePrefix = `switchyard.${randomUUID().slice(0, 8)}.`;
  const storage = (): string =>
    JSON.stringify({
      brokers: cluster().brokers,
      namePrefix,
      partitions: 2,
      sessionTimeoutMs: 3_000,
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
    tooLargeBytes: 2 * 2 ** 20,
    ...kafkaForeign(() => cluster().brokers, namePrefixOf),
    refusedRetry: { large: 'x'.repeat(2 * 2 ** 20) },
    create: (context) => open(storage(), context),
    beside: (transport, context) => open(storages.get(transport)!, context),
    reopen: async (transport) => {
      await transport.close();
      return open(storages.get(transport)!);
    },
    process: { command: processOf('test/conformance/kafka.factory.ts'), storage, open },
    outage: {
      kill: async () => {
        await Promise.all(cluster().nodes.map((node) => node.kill()));
      },
      restore: () => cluster().restore(),
      isOfAll: true,
      keepsDeliveries: 'if it is quick', // the group does not notice a death for a session
    },
  };
}
