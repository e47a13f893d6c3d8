/**
 * Defects that the tests have to notice. `find` occurs once in `file` and is replaced; then the test (`jest`) or the proof (`soak`) has to
 * fail. The proof alone notices those that need a process to die at the wrong moment, which shows that its checker works.
 */
export const MUTATIONS = [
  {
    name: 'a message is acknowledged before it is handled',
    file: 'src/core/messaging/delivery/delivery-processor.ts',
    find: 'const handling = new DeliveryInProgress(entry, delivery, handOver, resolve);',
    replace:
      'const handling = new DeliveryInProgress(entry, delivery, handOver, resolve);\n      resolve(ACK);',
    needs: [],
    soak: ['--scenario', 'embedded', '--minutes', '0.5', '--seed', '7'],
  },
  {
    name: 'a dead letter is stored after the acknowledgement',
    file: 'src/core/messaging/delivery/delivery-processor.ts',
    find: 'const parking = await deadLetters.park(handling, outcome);',
    replace: 'handling.settle(ACK);\n    const parking = await deadLetters.park(handling, outcome);',
    needs: [],
    jest: ['src/core/messaging/delivery/delivery-processor.spec.ts'],
  },
  {
    name: 'a copy of a handled message is parked because its attempts are used up',
    file: 'src/core/messaging/delivery/delivery-processor.ts',
    find: 'if (!needsClaim(handling)) refuseUsedUp(',
    replace: 'refuseUsedUp(',
    needs: [],
    jest: ['src/core/messaging/delivery/delivery-processor.spec.ts', '-t', 'idempotency window'],
  },
  {
    name: 'a claimed message runs once more than its attempts allow',
    file: 'src/core/messaging/delivery/delivery-processor.ts',
    find: '  refuseUsedUp(handling.attempt, handling.entry);\n  return undefined;',
    replace: '  return undefined;',
    needs: [],
    jest: ['src/core/messaging/delivery/delivery-processor.spec.ts', '-t', 'idempotency window'],
  },
  {
    name: 'a message that is abandoned at shutdown uses an attempt',
    file: 'src/core/messaging/delivery/delivery-processor.ts',
    find: "const settlement: Settlement = { kind: 'retry', delayMs, countsAttempt: false };",
    replace: "const settlement: Settlement = { kind: 'retry', delayMs };",
    needs: [],
    jest: ['src/core/messaging/delivery/delivery-processor.spec.ts', '-t', 'abandoned'],
  },
  {
    name: 'a transport counts a retry that counts no attempt',
    file: 'src/core/messaging/transport-kit/hand-over.ts',
    find: 'return settlement.countsAttempt === false ? attempt : attempt + 1;',
    replace: 'return attempt + 1;',
    needs: [],
    jest: ['test/conformance/embedded.conformance.spec.ts', '-t', 'uncounted'],
  },
  {
    name: 'a publish has no deadline',
    file: 'src/core/messaging/publishing/guarded-publish.ts',
    find: 'answered = await this.#deadlines.within(answering, deadline);',
    replace: 'void deadline;\n      answered = await answering;',
    needs: [],
    jest: ['test/e2e/publishing.spec.ts', '-t', 'when the transport says nothing'],
  },
  {
    name: 'Redis does not wait for its replicas',
    file: 'src/infrastructure/services/redis/publish/redis-publisher.ts',
    find: 'if (replicas === 0) return',
    replace: 'if (replicas >= 0) return',
    needs: ['redis'],
    jest: [
      'test/faults/redis-sentinel.spec.ts',
      '-t',
      'calls a message unknown while no replica confirms it',
    ],
  },
  {
    name: 'RabbitMQ is not asked to return what it cannot route',
    file: 'src/infrastructure/services/rabbitmq/wire/message-codec.ts',
    find: 'mandatory: true',
    replace: 'mandatory: false',
    needs: ['rabbitmq'],
    jest: ['test/faults/rabbitmq-declarations.spec.ts', '-t', 'a delay queue'],
  },
  {
    name: 'RabbitMQ: a timeout is called a definite failure',
    file: 'src/infrastructure/services/rabbitmq/publish/publish-outcomes.ts',
    find: "overdue: ({ label }) => ({ kind: 'unknown'",
    replace: "overdue: ({ label }) => ({ kind: 'unavailable'",
    needs: ['rabbitmq'],
    jest: ['test/faults/rabbitmq-bad-servers.spec.ts', '-t', 'that is paused is given up'],
  },
  {
    name: 'Kafka: a retry is written after the offset is committed',
    file: 'src/infrastructure/services/kafka/consume/kafka-consumer.ts',
    find: `if (settlement.kind !== 'retry' || (await this.#handOn(held, settlement)))
      held.partition.settle(held.taken);
    this.#settled(held, done);`,
    replace: `held.partition.settle(held.taken);
    this.#settled(held, done);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (settlement.kind === 'retry') await this.#handOn(held, settlement);`,
    needs: ['kafka'],
    jest: [
      'test/conformance/kafka.conformance.spec.ts',
      '-t',
      'keeps a retry that waits when the process is killed',
    ],
  },
  {
    name: 'what is spooled is deleted before a broker has taken it',
    file: 'src/infrastructure/services/composites/spooled/spool-drain.ts',
    find: 'const messages = items.map(({ message }) => message);',
    replace:
      'const messages = items.map(({ message }) => message);\n    for (const item of items) this.#done(item);',
    needs: [],
    jest: ['src/infrastructure/services/composites/spooled/spool-drain.spec.ts'],
  },
];
