import { setTimeout as wait } from 'node:timers/promises';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { startRedisSentinel } from '../support/brokers/redis-sentinel.js';
import { startRedis } from '../support/brokers/redis-server.js';
import type { Fault } from './nemesis.js';
import { EXPECTATION } from './workload.js';

type Random = (below: number) => number;

/** Brokers, what the application is told of them, and what can happen to them. */
export interface Scenario {
  /** Environment of a process with this directory of its own. */
  env(directory: string): Readonly<Record<string, string>>;
  /** Its storage belongs to one process, which publishes and handles. */
  readonly isOneProcess: boolean;
  /** Groups that no fault may get out of the order of a key. */
  readonly ordered: readonly string[];
  /** As in what the checker expects. */
  readonly unacceptedMayVanish?: boolean;
  faults(random: Random): readonly Fault[];
  /** Does once faults are over what who looks after the brokers would, when told of queues whose messages they keep. */
  lookAfter?(queues: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export type ScenarioName = 'embedded' | 'redis' | 'rabbitmq' | 'kafka' | 'spooled';

/** Longest time for which a node is dead or paused. */
const NODE_LONGEST_MS = 15_000;
const REMEMBERS_QUEUES_MS = 5_500;

export const SCENARIOS: Readonly<Record<ScenarioName, () => Promise<Scenario>>> = {
  embedded: () =>
    Promise.resolve({
      env: (directory) => transports(`main: {kind: embedded, directory: "${directory}/log"}`),
      isOneProcess: true,
      ordered: EXPECTATION.ordered,
      faults: () => [],
      stop: () => Promise.resolve(),
    }),

  redis: async () => {
    const setup = await startRedisSentinel();
    const sentinels = listOf(setup.sentinels.map(({ host, port }) => `${host}:${port}`));
    const servers = `sentinels: ${sentinels}, sentinelName: ${setup.name}, replicas: 1`;
    return {
      env: () => transports(`main: {kind: redis, ${servers}}`),
      isOneProcess: false,
      ordered: EXPECTATION.ordered,
      unacceptedMayVanish: true,
      faults: () => {
        let dead: Awaited<ReturnType<typeof setup.primary>> | undefined;
        const primaryIs = (name: string, stop: () => Promise<void>, start: () => Promise<void>): Fault => ({
          name,
          longestMs: NODE_LONGEST_MS,
          begin: async () => {
            dead = await setup.primary();
            await stop();
          },
          end: async () => {
            if (dead) await setup.failedOver(dead);
            await start();
            await setup.ready();
          },
        });
        return [
          primaryIs(
            'the primary is killed',
            async () => dead?.kill(),
            async () => {
              if (dead) await setup.reviveAsReplica(dead);
            },
          ),
          primaryIs(
            'the primary is paused',
            async () => dead?.pause(),
            async () => dead?.resume(),
          ),
        ];
      },
      stop: () => setup.stop(),
    };
  },

  rabbitmq: async () => {
    const cluster = await startRabbitmq({ nodes: 3 });
    const heard = new Map<string, number>();
    return {
      lookAfter: async (queues) => {
        for (const queue of new Set(queues)) {
          const times = queues.filter((one) => one === queue).length;
          if (times === heard.get(queue)) continue;
          await cluster.handOnAgain(queue);
          heard.set(queue, times);
        }
      },
      env: () => transports(`main: {kind: rabbitmq, urls: ${listOf(cluster.urls)}}`),
      isOneProcess: false,
      ordered: EXPECTATION.ordered,
      faults: (random) => [...nodeFaults('a node', cluster, random), ...allNodesKilled('all nodes', cluster)],
      stop: () => cluster.stop(),
    };
  },

  kafka: async () => {
    const cluster = await startKafka({ nodes: 3 });
    return {
      env: () =>
        transports(
          `main: {kind: kafka, brokers: ${listOf(cluster.brokers)}, sessionTimeoutMs: 6000, replicationFactor: 3}`,
        ),
      isOneProcess: false,
      ordered: EXPECTATION.ordered,
      faults: (random) => nodeFaults('a broker', cluster, random),
      stop: () => cluster.stop(),
    };
  },

  spooled: async () => {
    const [kafka, rabbitmq, redis] = await Promise.all([startKafka(), startRabbitmq(), startRedis()]);
    const killed: Fault = {
      name: 'Redis is killed',
      begin: () => redis.kill(),
      end: () => redis.restart(),
    };
    return {
      env: (directory) =>
        transports(
          `events: {kind: kafka, brokers: ${listOf(kafka.brokers)}, sessionTimeoutMs: 6000}`,
          `work: {kind: rabbitmq, urls: ${listOf(rabbitmq.urls)}}`,
          `fast: {kind: redis, url: "${redis.url}"}`,
          'brokers: {kind: failover, members: [events, work, fast], probeIntervalMs: 1000, failBackAfterMs: 5000}',
          `disk: {kind: embedded, directory: "${directory}/spool"}`,
          'main: {kind: spooled, transport: brokers, spool: disk, probeIntervalMs: 1000, attemptTimeoutMs: 3000}',
        ),
      isOneProcess: false,
      ordered: ['vault'], // others move between brokers
      faults: () => {
        const one = [...allNodesKilled('Kafka', kafka), ...allNodesKilled('RabbitMQ', rabbitmq), killed];
        return [...one, together('all brokers are killed', one)];
      },
      stop: async () => {
        await Promise.all([kafka.stop(), rabbitmq.stop(), redis.stop()]);
      },
    };
  },
};

/** What the configuration of the application would say, with everything going to `main`. */
function transports(...lines: readonly string[]): Record<string, string> {
  return {
    SWITCHYARD_TRANSPORTS: `{${lines.join(', ')}}`,
    SWITCHYARD_ROUTES: '[{match: "**", transport: main}]',
  };
}

function listOf(texts: readonly string[]): string {
  return JSON.stringify(texts);
}

function nodeFaults(what: string, cluster: KafkaCluster | RabbitmqCluster, random: Random): readonly Fault[] {
  let node: KafkaCluster['nodes'][number] | RabbitmqCluster['nodes'][number] | undefined;
  const choose = (): NonNullable<typeof node> => {
    node = cluster.nodes[random(cluster.nodes.length)];
    if (!node) throw new Error('The cluster has no node.');
    return node;
  };
  return [
    {
      name: `${what} is killed`,
      longestMs: NODE_LONGEST_MS,
      begin: () => choose().kill(),
      end: () => cluster.restore(),
    },
    {
      name: `${what} is paused`,
      longestMs: NODE_LONGEST_MS,
      begin: async () => choose().pause(),
      end: async () => {
        node?.resume();
        await cluster.ready();
      },
    },
  ];
}

function allNodesKilled(what: string, cluster: KafkaCluster | RabbitmqCluster): readonly Fault[] {
  const kill = async (): Promise<void> => {
    if (cluster instanceof RabbitmqCluster) await noYoungQueue(cluster);
    await Promise.all(cluster.nodes.map((node) => node.kill()));
  };
  return [{ name: `${what} killed`, begin: kill, end: () => cluster.restore() }];
}

/** A queue that is younger when all nodes that have it are killed comes back dead, with whatever client. docs/using/rabbitmq.md says so. */
async function noYoungQueue(cluster: RabbitmqCluster): Promise<void> {
  const names = async (): Promise<string> =>
    (await cluster.control('list_queues', '--no-table-headers', 'name')).split('\n').sort().join();
  let before = await names();
  for (let tries = 0; tries < 5; tries += 1) {
    await wait(REMEMBERS_QUEUES_MS);
    const now = await names();
    if (now === before) return;
    before = now;
  }
}

function together(name: string, faults: readonly Fault[]): Fault {
  const all = async (call: (fault: Fault) => Promise<void>): Promise<void> => {
    await Promise.all(faults.map(call));
  };
  return { name, begin: () => all((fault) => fault.begin()), end: () => all((fault) => fault.end()) };
}
