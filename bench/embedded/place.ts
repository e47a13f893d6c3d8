import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';

/** Runs with a directory that is gone afterwards. `BENCH_DIR` says on which disk. */
export async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'switchyard-bench-'));
  try {
    return await run(join(folder, 'data'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function transportIn(directory: string): Transport {
  return new EmbeddedTransport(embeddedOptionsSchema.parse({ directory }), {
    name: 'local',
    clock: systemClock,
    onEvent: (event) => {
      if (event.type === 'error') console.error(event.error);
    },
  });
}

export type BareTable = ReturnType<typeof openBare>;

/** lmdb as one would use it alone, with the settings that the transport uses. */
export function openBare(directory: string) {
  return open<Buffer, Buffer>({
    path: join(directory, 'bare.mdb'),
    noSubdir: true,
    mapSize: 8 * 1024 ** 3,
    encoding: 'binary',
    keyEncoding: 'binary',
    eventTurnBatching: false,
  } as never);
}

export function bareKey(nth: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(BigInt(nth));
  return key;
}
