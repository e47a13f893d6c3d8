import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { PublishOutcome } from '../../src/core/messaging/transport.js';
import { newFolder, newTransport, startChild, until } from './embedded-process.js';

const TOPIC = 'orders';
const folder = newFolder();
const disk = join(folder, 'disk');
mkdirSync(disk);
const mounted = mountTmpfs();

function run(tool: string, ...args: string[]): void {
  execFileSync(tool, args, { stdio: 'pipe' });
}

function mountTmpfs(): string | undefined {
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=12m,mode=700', 'tmpfs', disk);
    return undefined;
  } catch (error) {
    return `a small tmpfs cannot be mounted here: ${String(error).split('\n')[0]}`;
  }
}

/** Takes all space that is left. */
function fillRest(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [65_536, 4_096]) for (;;) if (!writes(file, size)) break;
  } finally {
    closeSync(file);
  }
}

function writes(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size, 1)) === size;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (mounted === undefined) run('umount', '--lazy', disk);
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

(mounted === undefined ? describe : describe.skip)(
  `an embedded transport on a full disk${mounted === undefined ? '' : ` (skipped: ${mounted})`}`,
  () => {
    it('is unavailable for publishing, delivers what it has, and recovers when space returns', async () => {
      const directory = join(disk, 'data');
      let transport = newTransport(directory);
      await transport.connect();
      const { accepted, last } = await publishUntilFull(transport);
      expect(accepted.length).toBeGreaterThan(100);
      expect(last).toMatchObject({ kind: 'unavailable', error: { code: 'TRANSPORT_FULL' } });
      await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
      fillRest(join(disk, 'filler'));
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
      rmSync(join(disk, 'filler'));
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

    it('says so instead of ending the process when it is opened on a full disk', async () => {
      rmSync(join(disk, 'data'), { recursive: true, force: true });
      const transport = newTransport(join(disk, 'other'));
      fillRest(join(disk, 'filler'));
      await expect(transport.connect()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
      rmSync(join(disk, 'filler'));
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
