import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PublishOutcome } from '../../src/core/messaging/ports/transport.js';
import { type SmallDisk, smallDisk } from '../support/small-disk.js';
import { newFolder, newTransport, startChild, until } from './embedded-process.js';

const TOPIC = 'orders';
const folder = newFolder();
const { disk, problem } = mounted();

function mounted(): { readonly disk?: SmallDisk; readonly problem?: string } {
  try {
    return { disk: smallDisk(join(folder, 'disk'), 12) };
  } catch (error) {
    return { problem: `a small disk cannot be mounted here: ${String(error).split('\n')[0]}` };
  }
}

afterAll(() => {
  disk?.unmount();
  rmSync(folder, { recursive: true, force: true });
});

async function publishUntilFull(
  transport: ReturnType<typeof newTransport>,
): Promise<{ accepted: string[]; last: PublishOutcome }> {
  const accepted: string[] = [];
  for (;;) {
    const id = `m-${accepted.length}`;
    const message = { id, headers: {}, body: Buffer.alloc(20_000, accepted.length % 251) };
    const [outcome] = await transport.publish({ topic: TOPIC }, [message], { deadlineMs: 10_000 });
    if (outcome!.kind !== 'accepted') return { accepted, last: outcome! };
    accepted.push(id);
  }
}

(problem === undefined ? describe : describe.skip)(
  `an embedded transport on a full disk${problem === undefined ? '' : ` (skipped: ${problem})`}`,
  () => {
    it('is unavailable for publishing, delivers what it has, and recovers when space returns', async () => {
      const directory = join(disk!.path, 'data');
      let transport = newTransport(directory);
      await transport.connect();
      const { accepted, last } = await publishUntilFull(transport);
      expect(accepted.length).toBeGreaterThan(100);
      expect(last).toMatchObject({ kind: 'unavailable', error: { code: 'TRANSPORT_FULL' } });
      await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
      disk!.fill();
      const received: string[] = [];
      const damaged: string[] = [];
      const consumer = await transport.consume(
        { topic: TOPIC, group: 'g', concurrency: 8, ordering: 'none' },
        async ({ message: { id, body } }) => {
          if (body.every((byte) => byte === Number(id.slice(2)) % 251)) received.push(id);
          else damaged.push(id);
          return { kind: 'ack' };
        },
      );
      await until(() => received.length >= accepted.length);
      expect(received.sort()).toEqual([...accepted].sort());
      disk!.free();
      await until(async () => {
        const message = { id: 'm-0', headers: {}, body: Buffer.alloc(100) };
        const [outcome] = await transport.publish({ topic: TOPIC }, [message], { deadlineMs: 10_000 });
        return outcome!.kind === 'accepted';
      });
      await until(() => received.length > accepted.length);
      expect(damaged).toEqual([]);
      await transport.ping();
      await consumer.stop();
      await transport.close();
      transport = newTransport(directory);
      await transport.connect();
      expect(await transport.backlog({ topic: TOPIC, group: 'g' })).toMatchObject({ ready: 0, inFlight: 0 });
      await transport.close();
    }, 60_000);

    it('reports it instead of ending the process when it is opened on a full disk', async () => {
      rmSync(join(disk!.path, 'data'), { recursive: true, force: true });
      const transport = newTransport(join(disk!.path, 'other'));
      disk!.fill();
      await expect(transport.connect()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
      disk!.free();
      await transport.connect();
      await transport.close();
    });
  },
);

describe('an embedded transport under a file size limit', () => {
  it('is unavailable for publishing and delivers what it has', async () => {
    const child = startChild({ directory: join(folder, 'limited'), role: 'fill' }, 'ulimit -f 8000');
    await until(() => child.lines().length === 2);
    const [filled, delivered] = child.lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(filled!['kind']).toBe('unavailable');
    expect(filled!['accepted']).toBeGreaterThan(50);
    expect(delivered).toEqual({ received: filled!['accepted'] });
    await child.kill();
  }, 60_000);
});
