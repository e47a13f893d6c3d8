import type * as kafkajs from 'kafkajs';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';

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

/** Loads kafkajs, which is only installed by those who want it. Throws `DEPENDENCY_MISSING` when it is not there. */
export async function loadKafkajs(load: () => Promise<unknown> = () => import('kafkajs')): Promise<Kafkajs> {
  try {
    const loaded = (await load()) as { readonly default?: Kafkajs } & Kafkajs;
    return loaded.default ?? loaded;
  } catch {
    throw new MessagingError(
      'DEPENDENCY_MISSING',
      'Kafka needs the package "kafkajs", which cannot be loaded. Install it: npm install kafkajs@2',
    );
  }
}
