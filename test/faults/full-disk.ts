import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { type SmallDisk, smallDisk } from '../support/small-disk.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { DISK_FAULT, faultRow } from './fault-matrix.js';
import { closeAll } from './transport-bench.js';
import { underLoad } from './under-load.js';

const FULL_MS = 5_000;
/** Without an acceptance. */
const TAKES_NOTHING_MS = 1_000;

/** A broker whose data is on a disk that can be full. */
export interface DiskBroker {
  readonly connected: () => Promise<{ readonly transport: Transport }>;
  /** Starts it again if it has ended, as who looks after it would. */
  readonly revive: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The disk of the broker is full for a while under load. */
export function describeFullDisk(
  system: string,
  sizeMib: number,
  start: (directory: string) => Promise<DiskBroker>,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-disk-'));
  let disk: SmallDisk | undefined;
  let broker: DiskBroker | undefined;
  beforeAll(async () => {
    disk = smallDisk(join(folder, 'disk'), sizeMib);
    broker = await start(disk.path);
  }, 120_000);
  afterEach(closeAll, 60_000);
  afterAll(async () => {
    await broker?.stop();
    disk?.unmount();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it(`loses nothing and resumes with space: the disk of ${system} is full`, async () => {
    await underLoad({
      row: faultRow(system, DISK_FAULT),
      connected: broker!.connected,
      happen: async (load) => {
        disk!.fill();
        await waitUntil('nothing is taken any more', async () => {
          disk!.fill(); // what the broker has given back meanwhile
          const before = load.acceptedCount;
          await wait(TAKES_NOTHING_MS);
          return load.acceptedCount === before;
        });
        await wait(FULL_MS);
        disk!.free();
        await broker!.revive();
      },
    });
  }, 180_000);
}
