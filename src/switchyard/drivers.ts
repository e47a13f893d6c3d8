import { Injectable } from '@nestjs/common';
import { CompositesDriver } from '../infrastructure/services/composites/composites.driver.js';
import { CompositesModule } from '../infrastructure/services/composites/composites.module.js';
import { EmbeddedDriver } from '../infrastructure/services/embedded/embedded.driver.js';
import { EmbeddedModule } from '../infrastructure/services/embedded/embedded.module.js';
import { KafkaDriver } from '../infrastructure/services/kafka/kafka.driver.js';
import { KafkaModule } from '../infrastructure/services/kafka/kafka.module.js';
import { MemoryDriver } from '../infrastructure/services/memory/memory.driver.js';
import { MemoryModule } from '../infrastructure/services/memory/memory.module.js';
import { RabbitmqDriver } from '../infrastructure/services/rabbitmq/rabbitmq.driver.js';
import { RabbitmqModule } from '../infrastructure/services/rabbitmq/rabbitmq.module.js';
import { RedisDriver } from '../infrastructure/services/redis/redis.driver.js';
import { RedisModule } from '../infrastructure/services/redis/redis.module.js';

/** The modules of the infrastructure; each provides the driver of its kind. */
export const DRIVER_MODULES = [
  MemoryModule,
  EmbeddedModule,
  RedisModule,
  RabbitmqModule,
  KafkaModule,
  CompositesModule,
];

/** The drivers of all kinds. */
@Injectable()
export class Drivers {
  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    readonly memory: MemoryDriver,
    readonly embedded: EmbeddedDriver,
    readonly redis: RedisDriver,
    readonly rabbitmq: RabbitmqDriver,
    readonly kafka: KafkaDriver,
    readonly composites: CompositesDriver,
  ) {}
}
