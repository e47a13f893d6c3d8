import { mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { EmbeddedIdempotencyStore } from '../../src/infrastructure/services/embedded/embedded-idempotency.store.js';
import type { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { machineNow } from '../support/machine-time.js';
import { readOnly, type SmallDisk, smallDisk } from '../support/small-disk.js';
import { newFolder, newTransport, until } from './embedded-process.js';

/** What is lost is reported, and what is mended works again, within this. */
const SOON_MS = 15_000;
const PLACE = { topic: 'orders', group: 'billing' };
const INTERRUPTED = { code: 'consumer_interrupted', ...PLACE };
const folder = newFolder();
const open: EmbeddedTransport[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function consuming(directory: string) {
  const events: TransportEvent[] = [];
  const transport = newTransport(directory, (event) => events.push(event));
  open.push(transport);
  await transport.connect();
  const handled: string[] = [];
  await transport.consume({ ...PLACE, concurrency: 4, ordering: 'key' }, async ({ message: { id } }) => {
    handled.push(id);
    return { kind: 'ack' };
  });
  const publish = async (id: string, delayMs = 0): Promise<string> => {
    const message = { id, key: 'k', headers: {}, body: Buffer.from(id) };
    const [outcome] = await transport.publish({ topic: 'orders' }, [message], { deadlineMs: 5_000, delayMs });
    return outcome!.kind;
  };
  const comes = async (id: string): Promise<void> => {
    expect(await publish(id)).toBe('accepted');
    await until(() => handled.includes(id));
  };
  return { transport, events, handled, publish, comes };
}

async function soon(condition: () => boolean | Promise<boolean>): Promise<void> {
  const from = machineNow();
  await until(condition);
  expect(machineNow() - from).toBeLessThan(SOON_MS);
}

/** One event each for what happened and for its end. */
function problemsIn(events: readonly TransportEvent[], code: string): string[] {
  return events.flatMap((event) => ('problem' in event && event.problem.code === code ? [event.type] : []));
}

it('reports a directory that is moved away, and continues where it was when it is put back', async () => {
  const directory = join(folder, 'moved');
  const { transport, events, handled, publish, comes } = await consuming(directory);
  await comes('before');
  expect(await publish('waits', 6_000)).toBe('accepted');
  renameSync(directory, `${directory}.away`);
  await soon(() => transport.problems().length > 0);
  expect(transport.problems()).toMatchObject([{ ...INTERRUPTED, reason: 'TRANSPORT_UNAVAILABLE' }]);
  expect(transport.problems()[0]!.detail).toContain('was removed');
  expect(await publish('refused')).toBe('unavailable');
  await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
  await wait(5_000);
  expect(handled).toEqual(['before']);
  renameSync(`${directory}.away`, directory);
  await soon(() => transport.problems().length === 0);
  await comes('after');
  await until(() => handled.includes('waits'));
  await transport.ping();
  expect(problemsIn(events, 'consumer_interrupted')).toEqual(['problem', 'problem-solved']);
  expect(events.filter(({ type }) => type === 'disconnected')).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'error')).toHaveLength(1);
}, 60_000);

it('uses the place of a directory that was removed again, and has reported that', async () => {
  const directory = join(folder, 'removed');
  const { transport, events, comes } = await consuming(directory);
  await comes('before');
  rmSync(directory, { recursive: true });
  await soon(() => transport.problems().length > 0);
  mkdirSync(directory);
  await soon(() => transport.problems().length === 0);
  await comes('after');
  expect(problemsIn(events, 'consumer_interrupted')).toEqual(['problem', 'problem-solved']);
}, 60_000);

it('lets a process have a directory that has taken it over, and takes it back when that one ends', async () => {
  const directory = join(folder, 'taken');
  const { transport, events, handled, publish, comes } = await consuming(directory);
  await comes('before');
  const lock = join(directory, 'switchyard.lock');
  const other = { pid: 7, startedAt: '1', bootId: 'another', pidNamespace: 'another', token: 'other' };
  const journal = (): string => readFileSync(join(directory, 'hand-out.0'), 'latin1');
  writeFileSync(lock, JSON.stringify(other));
  const heartbeat = setInterval(() => utimesSync(lock, new Date(), new Date()), 1_000);
  try {
    await soon(() => transport.problems().length > 0);
    expect(transport.problems()).toMatchObject([{ ...INTERRUPTED, reason: 'DIRECTORY_IN_USE' }]);
    const before = journal();
    expect(await publish('refused')).toBe('unavailable');
    await wait(4_000);
    expect(journal()).toBe(before);
    expect(handled).toEqual(['before']);
  } finally {
    clearInterval(heartbeat);
  }
  unlinkSync(lock);
  await soon(() => transport.problems().length === 0);
  await comes('after');
  expect(problemsIn(events, 'consumer_interrupted').at(-1)).toBe('problem-solved');
}, 60_000);

it('lets the stores report a directory that is moved away, and use it again when it is put back', async () => {
  const directory = join(folder, 'stores');
  const deadLetters = new EmbeddedDeadLetterStore({ directory: join(directory, 'dead-letters') });
  const idempotency = new EmbeddedIdempotencyStore({ directory: join(directory, 'idempotency') });
  const stores = [deadLetters, idempotency];
  const fails = async (): Promise<boolean> => {
    const calls = [deadLetters.find('none'), idempotency.begin('other', 1_000)];
    const results = await Promise.allSettled(calls);
    return results.every(
      (one) => one.status === 'rejected' && (one.reason as { code: string }).code === 'STORE_UNAVAILABLE',
    );
  };
  const works = async (): Promise<boolean> => {
    const calls = [deadLetters.find('none'), idempotency.begin('done', 1_000)];
    return (await Promise.allSettled(calls)).every(({ status }) => status === 'fulfilled');
  };
  try {
    for (const store of stores) await store.connect();
    const claim = await idempotency.begin('done', 60_000);
    await idempotency.complete('done', claim.kind === 'fresh' ? claim.token : '', 3_600_000);
    renameSync(directory, `${directory}.away`);
    await soon(fails);
    renameSync(`${directory}.away`, directory);
    await soon(works);
    expect(await idempotency.begin('done', 1_000)).toEqual({ kind: 'done' });
  } finally {
    for (const store of stores) await store.close();
  }
}, 60_000);

describe('with a disk of its own', () => {
  let disk: SmallDisk;
  beforeAll(() => {
    disk = smallDisk(join(folder, 'disk'), 12);
  });
  afterAll(() => disk.unmount());

  it('reports a directory that has become read-only, and its end', async () => {
    const directory = join(disk.path, 'read-only');
    const { transport, events, comes } = await consuming(directory);
    await comes('before');
    const end = readOnly(directory);
    try {
      await soon(() => transport.problems().length > 0);
      expect(transport.problems()).toMatchObject([INTERRUPTED]);
      expect(transport.problems()[0]!.detail).toContain('EROFS');
    } finally {
      end();
    }
    await soon(() => transport.problems().length === 0);
    await comes('after');
    expect(problemsIn(events, 'consumer_interrupted')).toEqual(['problem', 'problem-solved']);
  }, 60_000);

  it('reports a full disk, and its end', async () => {
    const { transport, events, comes } = await consuming(join(disk.path, 'full'));
    await comes('before');
    disk.fill();
    const sent = { id: 'm', headers: {}, body: Buffer.alloc(20_000) };
    await until(async () => {
      const [outcome] = await transport.publish({ topic: 'other' }, [sent], { deadlineMs: 10_000 });
      return outcome!.kind !== 'accepted';
    });
    await soon(() => transport.problems().length > 0);
    expect(transport.problems()).toMatchObject([{ code: 'disk_full', reason: 'TRANSPORT_FULL' }]);
    disk.free();
    await soon(() => transport.problems().length === 0);
    await comes('after');
    expect(problemsIn(events, 'disk_full')).toEqual(['problem', 'problem-solved']);
  }, 60_000);
});
