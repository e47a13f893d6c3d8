import {
  ACK,
  type Bench,
  type Case,
  type Collector,
  latch,
  message,
  messages,
  QUIET_MS,
  sleep,
  unique,
} from '../bench.js';

const DEADLINE_MS = 1_000;
/** A machine under load notices a deadline this much later. */
const SLACK_MS = 5_000;
/** Stopping and closing give up what they wait for by then. */
const END_MS = 15_000;

/** Parts of a transport come back one by one: consuming may continue before it can be asked for its backlog. */
const NOT_YET = (): { ready: number; inFlight: number } => ({ ready: Infinity, inFlight: Infinity });

/** Waits until the transport has found its broker again. */
async function restored({ transport, restore, until }: Bench): Promise<void> {
  await restore();
  await until(() =>
    transport.ping().then(
      () => true,
      () => false,
    ),
  );
}

/** Publishes until it is accepted: a connection may still be on its way after the broker is back. */
async function publishInTheEnd({ transport, until }: Bench, topic: string, id: string): Promise<void> {
  await until(async () => {
    const [outcome] = await transport.publish({ topic }, [message({ id })], { deadlineMs: DEADLINE_MS });
    return outcome?.kind === 'accepted';
  });
}

/** One message is in flight until `open` is called, while the broker goes and comes back. */
async function overAnOutage(bench: Bench): Promise<{
  readonly topic: string;
  readonly collector: Collector;
  readonly open: () => void;
}> {
  const topic = unique();
  const { opened, open } = latch();
  const collector = await bench.collect(bench.transport, { topic, group: 'g' }, async (_, nth) => {
    if (nth === 1) await opened;
    return ACK;
  });
  await bench.publish(bench.transport, topic, [message({ id: 'in-flight' })]);
  await collector.received(1);
  await bench.kill();
  await restored(bench);
  return { topic, collector, open };
}

export const reconnecting: readonly Case[] = [
  {
    title: 'answers publishes within their deadline while the broker is gone, and accepts none',
    needs: 'outage',
    run: async ({ transport, kill, expect, publish }) => {
      const topic = unique();
      await publish(transport, topic, [message()]);
      await kill();
      for (let call = 0; call < 3; call++) {
        const startedAt = performance.now();
        const outcomes = await transport.publish({ topic }, messages(5), { deadlineMs: DEADLINE_MS });
        expect(performance.now() - startedAt).toBeLessThan(DEADLINE_MS + SLACK_MS);
        expect(outcomes).toHaveLength(5);
        for (const { kind } of outcomes) expect(['unavailable', 'unknown']).toContain(kind);
      }
    },
  },
  {
    title: 'never delivers what it called unavailable',
    needs: 'outage',
    run: async (bench) => {
      const topic = unique();
      const collector = await bench.collect(bench.transport, { topic, group: 'g' });
      await bench.kill();
      const sent = messages(5);
      const outcomes = await bench.transport.publish({ topic }, sent, { deadlineMs: DEADLINE_MS });
      const untaken = sent.filter((_, index) => outcomes[index]?.kind === 'unavailable');
      await restored(bench);
      await publishInTheEnd(bench, topic, 'afterwards');
      await bench.until(() => collector.ids().includes('afterwards'));
      await sleep(QUIET_MS);
      bench.expect(collector.ids().filter((id) => untaken.some((one) => one.id === id))).toEqual([]);
    },
  },
  {
    title: 'fails its ping while the broker is gone',
    needs: 'outage',
    run: async (bench) => {
      await bench.transport.ping();
      await bench.kill();
      await bench.expect(bench.transport.ping()).rejects.toBeInstanceOf(Error);
      await restored(bench);
    },
  },
  {
    title: 'reports when its broker goes and when it is back',
    needs: 'outage',
    run: async (bench) => {
      const types = (): string[] => bench.events.map(({ type }) => type);
      await bench.kill();
      await bench.until(() => types().includes('disconnected'));
      await restored(bench);
      await bench.until(() => types().lastIndexOf('connected') > types().lastIndexOf('disconnected'));
    },
  },
  {
    title: 'continues with every consumer once the broker is back',
    needs: 'outage',
    run: async (bench) => {
      const topics = [unique(), unique(), unique()];
      const collectors = await Promise.all(
        topics.map((topic) => bench.collect(bench.transport, { topic, group: 'g' })),
      );
      for (const round of ['first', 'second']) {
        await bench.kill();
        await restored(bench);
        for (const [index, topic] of topics.entries()) {
          await publishInTheEnd(bench, topic, round);
          await bench.until(() => collectors[index]!.ids().includes(round));
        }
      }
    },
  },
  {
    title: 'delivers again what was in flight when the broker went, and drops its late settlement',
    needs: 'outage',
    keepsDeliveries: 'never',
    run: async (bench) => {
      const { topic, collector, open } = await overAnOutage(bench);
      await collector.received(2);
      open();
      await bench.until(() => bench.events.some(({ type }) => type === 'settlement-dropped'));
      await sleep(QUIET_MS);
      bench.expect(collector.ids()).toEqual(['in-flight', 'in-flight']);
      bench
        .expect(await bench.transport.backlog({ topic, group: 'g' }))
        .toMatchObject({ ready: 0, inFlight: 0 });
    },
  },
  {
    title: 'keeps what was in flight when the broker went, and settles it once it is back',
    needs: 'outage',
    keepsDeliveries: 'always',
    run: async (bench) => {
      const topic = unique();
      const { opened, open } = latch();
      const collector = await bench.collect(bench.transport, { topic, group: 'g' }, async (_, nth) => {
        if (nth <= 2) await opened;
        return nth === 1 ? { kind: 'retry', delayMs: 0 } : ACK;
      });
      await bench.publish(bench.transport, topic, [message({ id: 'retried' }), message({ id: 'done' })]);
      await collector.received(2);
      await bench.kill();
      open(); // while there is no broker to take the settlements
      await sleep(QUIET_MS);
      await restored(bench);
      await collector.received(3);
      await sleep(QUIET_MS);
      bench.expect(collector.ids()).toEqual(['retried', 'done', 'retried']);
      bench.expect(collector.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
      await bench.until(async () => {
        const { ready, inFlight } = await bench.transport.backlog({ topic, group: 'g' }).catch(NOT_YET);
        return ready + inFlight === 0;
      });
    },
  },
  {
    title:
      'keeps what was in flight when the broker went, or delivers it again and drops its late settlement',
    needs: 'outage',
    keepsDeliveries: 'if it is quick',
    run: async (bench) => {
      const { topic, collector, open } = await overAnOutage(bench);
      await publishInTheEnd(bench, topic, 'afterwards');
      await bench.until(() => collector.ids().includes('afterwards'));
      open();
      await bench.until(async () => {
        const { ready, inFlight } = await bench.transport.backlog({ topic, group: 'g' }).catch(NOT_YET);
        return ready + inFlight === 0;
      });
      await sleep(QUIET_MS);
      const times = collector.ids().filter((id) => id === 'in-flight').length;
      const dropped = bench.events.filter(({ type }) => type === 'settlement-dropped').length;
      bench.expect([times, dropped]).toEqual(times === 1 ? [1, 0] : [2, 1]);
    },
  },
  {
    title: 'stops its consumers and closes while the broker is gone',
    needs: 'outage',
    run: async ({ transport, kill, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message()]);
      await collector.received(1);
      await kill();
      const startedAt = performance.now();
      await collector.consumer.stop();
      await transport.close();
      expect(performance.now() - startedAt).toBeLessThan(END_MS);
    },
  },
];
