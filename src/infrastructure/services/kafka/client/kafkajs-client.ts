import type * as kafkajs from 'kafkajs';
import { loadClient } from '../../../../core/messaging/transport-kit/load-client.js';

export type {
  Admin,
  Consumer,
  EachBatchPayload,
  IHeaders,
  ITopicConfig,
  KafkaMessage,
  PartitionAssigner,
  Producer,
  SASLOptions,
} from 'kafkajs';

export type Kafkajs = Pick<
  typeof kafkajs,
  | 'AssignerProtocol'
  | 'CompressionCodecs'
  | 'CompressionTypes'
  | 'ConfigResourceTypes'
  | 'Kafka'
  | 'Partitioners'
  | 'PartitionAssigners'
  | 'logLevel'
>;

/** An assigner of ours, with what the client asks of this package. */
export interface RebalanceHook {
  /** @param keepAlive keeps it a member while it takes its time. */
  readonly beforeJoin: (keepAlive: () => Promise<void>) => Promise<void>;
  /** The offset at which reading continues; undefined for a partition that is not read any more. */
  readonly outOfRange: (topic: string, partition: number) => Promise<number | undefined>;
}

/** Loads kafkajs, which is only installed by those who want it. Throws as {@link loadClient}. */
export function loadKafkajs(load: () => Promise<unknown> = () => import('kafkajs')): Promise<Kafkajs> {
  return loadClient<Kafkajs>({
    usedBy: 'Kafka needs',
    name: 'kafkajs',
    range: '^2.2.4',
    install: 'kafkajs@2',
    load,
    isSupported: ({ Partitioners }: Partial<Kafkajs>) =>
      (Partitioners as Partial<Kafkajs['Partitioners']> | undefined)?.LegacyPartitioner !== undefined, // since 2
  });
}
