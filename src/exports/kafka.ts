export * from '../infrastructure/services/kafka/kafka.module.js';
export { type KafkaOptions, kafkaOptionsSchema } from '../infrastructure/services/kafka/kafka.options.js';
export { KafkaTransport } from '../infrastructure/services/kafka/kafka.transport.js';
export { KafkaDriver } from '../infrastructure/services/kafka/kafka.driver.js';
