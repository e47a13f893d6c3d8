import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { Admin } from '../client/kafkajs-client.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import { AssignedPartitions } from './assigned-partitions.js';
import type { GroupMembership } from './group-membership.js';
import type { OnOffsetLost, OffsetReset } from './offset-reset.js';

type Batch = Parameters<AssignedPartitions['ofBatch']>[0];

interface Log {
  committed: number;
  metadata?: string;
  low: number;
  high: number;
}

/** One partition of one topic, as the broker has it. */
function setUp(log: Log, onOffsetLost: OnOffsetLost = 'earliest') {
  const done: string[] = [];
  const resets: Pick<OffsetReset, 'cause' | 'removed'>[] = [];
  const admin = {
    fetchOffsets: () => {
      const { committed, metadata = null } = log;
      const partitions = [{ partition: 0, offset: String(committed), metadata }];
      return Promise.resolve([{ topic: 't', partitions }]);
    },
    fetchTopicOffsets: () =>
      Promise.resolve([
        { partition: 0, low: String(log.low), high: String(log.high), offset: String(log.high) },
      ]),
  } as unknown as Admin;
  const link = {
    ask: <T>(question: (asked: Admin) => Promise<T>) => question(admin),
    clock: systemClock,
    isClosed: false,
    options: { onOffsetLost },
  } as unknown as KafkaConnection;
  const membership = {
    group: { id: 'g' },
    seek: (_topic: string, _id: number, offset: number) => done.push(`seek ${offset}`),
    pause: () => done.push('pause'),
  } as unknown as GroupMembership;
  const reports = {
    add: ({ cause, removed }: OffsetReset) => resets.push({ cause, removed }),
    released: () => done.push('released'),
  };
  const failed = (error: unknown) => done.push(String(error));
  const formats = { found: (what: string) => done.push(`newer ${what}`) } as unknown as NewerFormats;
  const partitions = new AssignedPartitions(link, membership, reports, { failed, formats });
  const batchFrom = (offset: number): Batch =>
    ({ topic: 't', partition: 0, fetchedOffset: String(offset) }) as unknown as Batch;
  const open = () => partitions.assign({ t: [0] }, true);
  return { partitions, done, resets, batchFrom, open };
}

it('reads a group at its offset', async () => {
  const { partitions, done, resets, batchFrom, open } = setUp({ committed: 30, low: 10, high: 50 });
  open();
  expect((await partitions.ofBatch(batchFrom(30)))?.tracker.next).toBe(30);
  expect({ done, resets }).toEqual({ done: [], resets: [] });
});

it('reads a group beyond the end from the start, without what was stored about the former log', async () => {
  const metadata = JSON.stringify({ h: 120, s: [0, 5] });
  const { partitions, done, resets, open } = setUp({ committed: 100, metadata, low: 10, high: 50 });
  open();
  const partition = await partitions.get('t', 0);
  expect(partition?.committable(true)).toMatchObject({ offset: '10', metadata: `{"v":${FORMATS.progress}}` });
  expect({ done, resets }).toEqual({ done: ['seek 10'], resets: [{ cause: 'beyond_end', removed: 0 }] });
});

it('leaves a partition whose progress is of a newer version, and reports it', async () => {
  const metadata = JSON.stringify({ v: FORMATS.progress + 1 });
  const { partitions, done, open, batchFrom } = setUp({ committed: 30, metadata, low: 10, high: 50 });
  open();
  expect(await partitions.ofBatch(batchFrom(30))).toBeUndefined();
  expect(done).toEqual(['pause', 'newer the progress in "t"', 'pause']);
});

it('takes an end that is only late for what it is', async () => {
  const log = { committed: 100, low: 10, high: 90 };
  const { partitions, resets, open } = setUp(log);
  open();
  await new Promise(setImmediate);
  log.high = 100;
  expect((await partitions.get('t', 0))?.tracker.next).toBe(100);
  expect(resets).toEqual([]);
});

it('counts as removed what was not settled, and settles nothing else', async () => {
  // At offset 0 the last owner has settled 2 to 4 and 12 to 13.
  const metadata = JSON.stringify({ s: [2, 3, 7, 2] });
  const { partitions, resets, open } = setUp({ committed: 0, metadata, low: 10, high: 50 });
  open();
  const partition = await partitions.get('t', 0);
  expect(resets).toEqual([{ cause: 'before_start', removed: 7 }]);
  const settled = [10, 11, 12, 13, 14].filter((offset) =>
    partition?.isKnownSettled(Object.assign(partition.tracker.take(offset, 'id'))),
  );
  expect(settled).toEqual([12, 13]);
});

it('goes back once to what a client has not read that began at a lost offset', async () => {
  const { partitions, done, batchFrom, open } = setUp({ committed: 100, low: 10, high: 50 });
  open();
  await partitions.opened();
  expect(await partitions.ofBatch(batchFrom(100))).toBeUndefined();
  expect(await partitions.ofBatch(batchFrom(10))).toBeDefined();
  expect(done).toEqual(['seek 10', 'seek 10']);
  expect(await partitions.ofBatch(batchFrom(100))).toBeDefined(); // a gap that the client insists on
});

it('stops a partition where it is wanted, and releases it with the partition', async () => {
  const { partitions, done, batchFrom, open } = setUp({ committed: 100, low: 10, high: 50 }, 'stop');
  open();
  expect(await partitions.ofBatch(batchFrom(100))).toBeUndefined();
  expect(await partitions.outOfRange('t', 0)).toBeUndefined();
  expect((await partitions.get('t', 0))?.isDirty).toBe(false);
  partitions.dropAll();
  expect(done).toEqual(['pause', 'pause', 'pause', 'released']);
});

it('replaces a partition whose log is another one while it is read, and keeps one that lost its start', async () => {
  const log = { committed: 30, low: 10, high: 50 };
  const { partitions, resets, open } = setUp(log);
  open();
  const first = await partitions.get('t', 0);
  log.low = 40;
  expect(await partitions.outOfRange('t', 0)).toBe(40);
  expect([await partitions.get('t', 0), first?.isLost]).toEqual([first, false]);
  Object.assign(log, { low: 0, high: 5 });
  expect(await Promise.all([partitions.outOfRange('t', 0), partitions.outOfRange('t', 0)])).toEqual([0, 0]);
  expect(await partitions.get('t', 0)).not.toBe(first);
  expect([first?.isLost, first?.isGone]).toEqual([true, true]);
  expect(resets).toEqual([
    { cause: 'before_start', removed: 10 },
    { cause: 'beyond_end', removed: 0 },
  ]);
});
