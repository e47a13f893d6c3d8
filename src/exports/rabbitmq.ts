export * from '../infrastructure/services/rabbitmq/rabbitmq.module.js';
export {
  type RabbitmqOptions,
  rabbitmqOptionsSchema,
} from '../infrastructure/services/rabbitmq/rabbitmq.options.js';
export { RabbitmqTransport } from '../infrastructure/services/rabbitmq/rabbitmq.transport.js';
export { RabbitmqDriver } from '../infrastructure/services/rabbitmq/rabbitmq.driver.js';
