/** A fault under load on real brokers; docs/operating/delivery-guarantees.md shows its measured effect. */
export interface FaultRow {
  /** The system that has the fault. */
  readonly system: string;
  readonly fault: string;
  /** Of `test/`. */
  readonly spec: string;
  /** The accepted messages that may be lost. */
  readonly mayLose: 'nothing' | 'the window of the default level';
}

const row = (
  system: string,
  fault: string,
  spec: string,
  mayLose: FaultRow['mayLose'] = 'nothing',
): FaultRow => ({
  system,
  fault,
  spec,
  mayLose,
});

/** Of the line between an application and its broker. */
export const LINE_FAULTS = [
  'line silent for 5 s',
  'answers lost for 5 s',
  'connections cut 15 times',
  'connections refused for 5 s',
  'line slow by 200 ms',
] as const;
export type LineFault = (typeof LINE_FAULTS)[number];

/** Of the broker's machine. */
export const DISK_FAULT = 'its disk is full';

/** Of the application's machine. */
export const CLOCK_FAULT = 'time of day jumps forth and back';

const onLine = (system: string, spec: string): FaultRow[] =>
  LINE_FAULTS.map((fault) => row(system, fault, spec));

const around = (system: string, spec: string): FaultRow[] => [
  ...onLine(system, spec),
  row(system, CLOCK_FAULT, spec),
];

const RANDOM = 'processes and brokers killed, paused and restarted at random';

/** One line a row, in the order in which they are shown. */
export const FAULT_MATRIX: readonly FaultRow[] = [
  row('embedded', CLOCK_FAULT, 'faults/embedded-clock.spec.ts'),
  row('embedded', 'processes killed, paused and restarted at random', 'proof/embedded-nemesis.spec.ts'),
  ...around('redis', 'faults/redis-line.spec.ts'),
  row('redis', DISK_FAULT, 'faults/redis-disk-full.spec.ts'),
  row('redis, `appendfsync always`', DISK_FAULT, 'faults/redis-disk-full.spec.ts'),
  row('redis, sentinels, `replicas: 1`', 'primary killed', 'faults/redis-sentinel.spec.ts'),
  row(
    'redis, sentinels',
    'primary killed',
    'faults/redis-sentinel.spec.ts',
    'the window of the default level',
  ),
  row('redis, cluster, `replicas: 1`', 'primary killed', 'faults/redis-cluster.spec.ts'),
  row('redis, cluster', 'primary killed', 'faults/redis-cluster.spec.ts', 'the window of the default level'),
  row('redis, cluster', 'slot of the topic moved there and back', 'faults/redis-cluster.spec.ts'),
  row('redis, cluster', 'half of a topic moved for a while', 'faults/redis-cluster.spec.ts'),
  row('redis, sentinels, `replicas: 1`', RANDOM, 'proof/redis-nemesis.spec.ts'),
  ...around('rabbitmq', 'faults/rabbitmq-line.spec.ts'),
  row('rabbitmq', DISK_FAULT, 'faults/rabbitmq-disk-full.spec.ts'),
  row('rabbitmq, 3 nodes', 'each node killed in turn', 'faults/rabbitmq-cluster.spec.ts'),
  row('rabbitmq, 3 nodes', 'leader paused for 40 s', 'faults/rabbitmq-cluster.spec.ts'),
  row('rabbitmq, 3 nodes', 'leader cut off from its cluster for 20 s', 'faults/rabbitmq-cluster.spec.ts'),
  row('rabbitmq, 3 nodes', 'rolling restart', 'faults/rabbitmq-cluster.spec.ts'),
  row('rabbitmq, 3 nodes', RANDOM, 'proof/rabbitmq-nemesis.spec.ts'),
  ...around('kafka', 'faults/kafka-line.spec.ts'),
  row('kafka', DISK_FAULT, 'faults/kafka-disk-full.spec.ts'),
  row('kafka, 3 brokers', 'each broker killed in turn', 'faults/kafka-cluster.spec.ts'),
  row('kafka, 3 brokers', 'a broker paused for 40 s', 'faults/kafka-cluster.spec.ts'),
  row('kafka, 3 brokers', 'two of three down for 10 s', 'faults/kafka-cluster.spec.ts'),
  row('kafka, 3 brokers', 'members join and leave', 'faults/kafka-cluster.spec.ts'),
  row('kafka, 3 brokers', RANDOM, 'proof/kafka-nemesis.spec.ts'),
  ...onLine('failover of rabbitmq and redis', 'faults/redis-rabbitmq-line.spec.ts'),
  row('failover of rabbitmq and redis', 'rabbitmq killed', 'faults/redis-rabbitmq-failover.spec.ts'),
  row('failover of rabbitmq and redis', 'rabbitmq paused', 'faults/redis-rabbitmq-failover.spec.ts'),
  row('failover of rabbitmq and redis', 'rabbitmq flapping', 'faults/redis-rabbitmq-failover.spec.ts'),
  row('spool before rabbitmq and redis', 'both killed', 'faults/redis-rabbitmq-spool.spec.ts'),
  ...onLine('spool before kafka, rabbitmq and redis', 'faults/redis-rabbitmq-kafka-line.spec.ts'),
  row(
    'spool before kafka, rabbitmq and redis',
    'all three refuse connections for 10 s',
    'faults/redis-rabbitmq-kafka-line.spec.ts',
  ),
  row('spool before kafka, rabbitmq and redis', RANDOM, 'proof/redis-rabbitmq-kafka-nemesis.spec.ts'),
];

/** Throws for a row that is not in the matrix, because its figures would not be shown. */
export function faultRow(system: string, fault: string): FaultRow {
  const found = FAULT_MATRIX.find((one) => one.system === system && one.fault === fault);
  if (!found) throw new Error(`There is no row "${system}: ${fault}" in the matrix of faults.`);
  return found;
}

/** Of the runs at random. */
export const nemesisRow = (system: string): FaultRow =>
  faultRow(system, system === 'embedded' ? 'processes killed, paused and restarted at random' : RANDOM);
