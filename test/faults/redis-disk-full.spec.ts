import { join } from 'node:path';
import { startRedis } from '../support/brokers/redis-server.js';
import { describeFullDisk, type DiskBroker } from './full-disk.js';
import { connected } from './redis-bench.js';

const keyPrefix = 'disk:';

/** How often the server flushes decides what it does then: it refuses to write, or it ends. */
async function started(directory: string, appendfsync: string): Promise<DiskBroker> {
  const args = ['--appendfsync', appendfsync];
  const server = await startRedis({ directory: join(directory, 'redis'), args });
  return {
    connected: () => connected({ url: server.url, keyPrefix }),
    revive: async () => {
      if (!server.process.isRunning) await server.restart();
    },
    stop: () => server.stop(),
  };
}

describe('which flushes every second', () => {
  describeFullDisk('redis', 32, (directory) => started(directory, 'everysec'));
});
describe('which flushes every write', () => {
  describeFullDisk('redis, `appendfsync always`', 32, (directory) => started(directory, 'always'));
});
