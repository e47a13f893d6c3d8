import { join } from 'node:path';
import type { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { startChild } from './child-process.js';
import { report } from './measured.js';
import { openSpooled, SPOOL_TOPIC } from './spool-bench.js';
import type { SpoolTask } from './spool-child.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

const message = (id: string) => ({ id, key: 'k', headers: {}, body: Buffer.from('x') });

async function handledBy(
  transport: SpooledTransport,
): Promise<{ readonly id: string; readonly key: string }[]> {
  const handled: { id: string; key: string }[] = [];
  const subscription = { topic: SPOOL_TOPIC, group: 'g', concurrency: 20, ordering: 'key' } as const;
  await transport.consume(subscription, ({ message: { id, key = '' } }) => {
    handled.push({ id, key });
    return Promise.resolve({ kind: 'ack' });
  });
  return handled;
}

it('keeps the order of keys that an earlier run has left in the spool', async () => {
  const directory = join(data.path, 'order');
  const first = await openSpooled(directory);
  await first.sever();
  for (const id of ['0', '1', '2', '3'])
    await first.transport.publish({ topic: SPOOL_TOPIC }, [message(id)], { deadlineMs: 5_000 });
  await first.transport.close();
  const { transport } = await openSpooled(directory, { drainPerSecond: 4 });
  const handled = await handledBy(transport);
  const [outcome] = await transport.publish({ topic: SPOOL_TOPIC }, [message('4')], { deadlineMs: 5_000 });
  expect(outcome?.trail?.status).toBe('spooled');
  await waitUntil('all are there', async () => handled.length >= 5);
  expect(handled.map(({ id }) => id)).toEqual(['0', '1', '2', '3', '4']);
  await waitUntil('the spool is empty', async () => transport.state().spool?.messages === 0);
  const [direct] = await transport.publish({ topic: SPOOL_TOPIC }, [message('5')], { deadlineMs: 5_000 });
  expect(direct?.trail?.status).toBe('accepted');
  await transport.close();
}, 60_000);

it('loses nothing that was spooled when the process is killed, and sends it in order', async () => {
  const directory = join(data.path, 'killed');
  const child = startChild('test/faults/spool-child.ts', { directory } satisfies SpoolTask);
  await waitUntil('much is spooled', async () => child.lines.length > 200);
  await child.kill();
  const accepted = child.lines.flatMap(({ text }) => text.split(' '));
  const { transport } = await openSpooled(directory);
  const handled = await handledBy(transport);
  const missing = (): string[] => {
    const ids = new Set(handled.map(({ id }) => id));
    return accepted.filter((id) => !ids.has(id));
  };
  await waitUntil('all that was accepted is there', async () => missing().length === 0).catch(
    () => undefined,
  );
  expect(missing()).toEqual([]);
  const lastOf = new Map<string, number>();
  for (const { id, key } of handled) {
    expect(Number(id)).toBeGreaterThan(lastOf.get(key) ?? -1);
    lastOf.set(key, Number(id));
  }
  report('spool, killed', `${accepted.length} accepted, ${handled.length} sent by the next run, 0 lost`);
  await transport.close();
}, 60_000);
