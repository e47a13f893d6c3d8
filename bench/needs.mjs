/** The brokers of each bench. */
export const BENCH_NEEDS = {
  memory: [],
  embedded: [],
  composites: [],
  load: ['redis', 'rabbitmq', 'kafka'],
  outage: ['redis', 'rabbitmq'],
  redis: ['redis'],
  rabbitmq: ['rabbitmq'],
  kafka: ['kafka'],
};
